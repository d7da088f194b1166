"""``docs/security.md`` says what stops each threat, and which test shows it."""

import re

import pytest

from hub.config.production_checks import NAMES
from lab.audit.__main__ import LOOKS
from lab.harness.environment import BASE_DIR
from tests.docs.documents import text_of
from tests.docs.test_references import functions_of

PAGE = "docs/security.md"

TABLES = text_of(PAGE).partition("## Threats")[2].partition("## The audit")[0]
ROWS = [line for line in TABLES.splitlines() if line.startswith("| ") and not line.startswith("| how ")]


def test_every_group_of_threats_has_rows() -> None:
    groups = re.split(r"^### ", TABLES, flags=re.MULTILINE)[1:]
    assert len(groups) >= 6
    assert [group.partition("\n")[0] for group in groups if group.count("\n| ") < 3] == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip()[:40])
def test_threat_names_tests_that_exist(row: str) -> None:
    how, stops, tests = (cell.strip() for cell in row.strip("|").split(" | "))
    assert how and stops
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", tests)
    assert named, row
    assert [f"{path}::{test}" for path, test in named if test not in functions_of(BASE_DIR / path)] == []


def test_looks_of_the_audit_are_listed() -> None:
    table = text_of(PAGE).partition("## The audit")[2].partition("## When")[0]
    assert set(re.findall(r"`(\w+)`", table)) >= set(LOOKS)


def test_dangers_that_may_be_allowed_are_listed() -> None:
    listed = text_of(".env.example").partition("HUB_ALLOW_UNSAFE=")[0].rpartition("Dangers that this")[2]
    assert set(re.findall(r"[a-z]+(?:-[a-z]+)*", listed)) >= set(NAMES)
