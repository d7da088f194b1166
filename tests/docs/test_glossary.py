"""One word for one thing: documents and sources have the words of ``docs/glossary.md``, and no word they replaced."""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

from lab.harness.environment import BASE_DIR
from tests.docs.documents import name_of, table, text_of

GLOSSARY = "docs/glossary.md"

#: A word that is gone, as a pattern of whole words, and what stands in its place.
GONE = {
    r"(?:plain )?doors?": "(simple) endpoint",
    r"hub sockets?": "client connection",
    r"entrances?": "authentication",
    r"feeds?": "local channel",
    r"followers? of (?:a|the) channel": "subscriber",
    r"tail repair": "catch-up",
    r"layer (?:is|was) away": "broker unavailable",
    r"the sweep": "outbox sweeper",
    r"whereabouts": "database presence",
    r"attendances?": "connection presence",
    r"personal channels?": "server-side subscription",
    r"recheck(?:s|ed|ing)?": "revalidate",
    r"(?:the|a|next|slow) round(?: of checks| over all)": "periodic revalidation",
    r"rights? (?:that )?(?:ends?|changes?)": "permission",
    r"upkeep": "maintenance",
    r"chores?": "periodic task",
    r"rigs?": "harness",
    r"shown out": "closed by the server",
    r"goodbyes?": "close frame",
    r"hasty": "too fast",
    r"signs? of life": "heartbeat",
    r"lean (?:class|protocol)": "fast path",
    r"verdicts?": "decision",
    r"vouch(?:es|ed)?": "delivered-through mark",
    r"patience": "timeout, grace",
    r"anew": "again",
}


def texts() -> Iterator[Path]:
    """What people read before or instead of code."""
    yield from (BASE_DIR / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"))
    yield BASE_DIR / ".env.example"
    for folder, ending in (("docs", "md"), ("lab", "md"), ("templates", "html"), ("templates", "txt")):
        yield from sorted((BASE_DIR / folder).rglob(f"*.{ending}"))


#: The words that are gone from Python too; comments and names have them no more than documents.
GONE_FROM_PYTHON = (
    r"(?:plain )?doors?",
    r"hub sockets?",
    r"entrances?",
    r"followers? of (?:a|the) channel",
    r"tail repair",
    r"layer (?:is|was) away",
    r"the sweep",
    r"whereabouts",
    r"attendances?",
    r"personal channels?",
    r"recheck(?:s|ed|ing)?",
    r"(?:the|a|next|slow) round(?: of checks| over all)",
    r"rights? (?:that )?(?:ends?|changes?)",
    r"upkeep",
    r"chores?",
    r"rigs?",
    r"goodbyes?",
    r"hasty",
    r"shown out",
    r"signs? of life",
    r"lean (?:class|protocol)",
    r"vouch(?:es|ed)?",
    r"patience",
    r"anew",
)


def python() -> Iterator[Path]:
    for folder in ("chat", "hub", "lab", "notifications", "presence", "worker"):
        yield from sorted((BASE_DIR / folder).rglob("*.py"))


def javascript() -> Iterator[Path]:
    yield from sorted((BASE_DIR / "static" / "hub" / "js").rglob("*.js"))


def found_in(paths: Iterable[Path], gone: str) -> list[str]:
    part = re.compile(gone)  # without what stands around it, and in one case: many times as fast
    word = re.compile(rf"(?<![\w-])(?:{gone})(?![\w-])")
    return [
        f"{name_of(path)}: {line.strip()}"
        for path in paths
        if part.search(text := _in_lower_case(path))
        for line in text.splitlines()
        if word.search(line)
    ]


@cache
def _in_lower_case(path: Path) -> str:
    return path.read_text().lower()


@pytest.mark.parametrize("gone", GONE)
def test_word_that_was_replaced_is_in_no_text(gone: str) -> None:
    assert found_in(texts(), gone) == [], f"say: {GONE[gone]}"


@pytest.mark.parametrize("gone", GONE_FROM_PYTHON)
def test_word_that_was_replaced_is_in_no_python(gone: str) -> None:
    assert found_in(python(), gone) == [], f"say: {GONE[gone]}"


@pytest.mark.parametrize("gone", GONE)
def test_word_that_was_replaced_is_in_no_javascript(gone: str) -> None:
    assert found_in(javascript(), gone) == [], f"say: {GONE[gone]}"


def test_words_of_the_glossary_stand_once() -> None:
    words = [word for row in table(GLOSSARY, "word", "means") for word in row[0].split(", ")]
    assert len(words) > 60
    assert sorted({word for word in words if words.count(word) > 1}) == []


def test_glossary_explains_itself_without_gone_words() -> None:
    assert not [gone for gone in GONE if re.search(rf"\b(?:{gone})\b", text_of(GLOSSARY))]
