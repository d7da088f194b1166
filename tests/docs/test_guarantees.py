"""``docs/guarantees.md`` says for each promise how it is kept, which tests prove it, and what is not promised."""

import re

import pytest

from lab.harness.environment import BASE_DIR
from tests.docs.documents import text_of
from tests.docs.test_references import functions_of

PAGE = "docs/guarantees.md"

PROMISES = re.findall(r"^## (\d)\. .*?\n(.*?)(?=^## )", text_of(PAGE), flags=re.MULTILINE | re.DOTALL)


def test_every_promise_is_there() -> None:
    assert [number for number, _ in PROMISES] == [str(number) for number in range(1, 10)]


@pytest.mark.parametrize(("number", "text"), PROMISES[:-1])
def test_a_promise_is_stated_explained_proven_and_bounded(number: str, text: str) -> None:
    assert re.search(r"^> .", text, flags=re.MULTILINE)
    assert "**How.**" in text
    assert "**Not promised.**" in text
    assert len(proofs(text)) >= 4


def proofs(text: str) -> list[str]:
    return re.findall(r"^\| `(tests/[^`]+)` \|", text, flags=re.MULTILINE)


@pytest.mark.slow
def test_every_row_of_a_table_names_a_test_that_exists() -> None:
    rows = re.findall(r"^\| .*`tests/.*$", text_of(PAGE), flags=re.MULTILINE)
    named = [re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", row) for row in rows]
    assert len(rows) > 50
    assert [row for row, found in zip(rows, named, strict=True) if len(found) != 1] == []
    missing = [(path, test) for ((path, test),) in named if test not in functions_of(BASE_DIR / path)]
    assert missing == []
