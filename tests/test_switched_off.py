"""A check that is switched off at a place names its rule and the reason."""

import re
from collections.abc import Iterator

from lab.harness.environment import BASE_DIR

FOLDERS = ("chat", "deploy", "hub", "lab", "notifications", "presence", "tests", "worker")
OFF = re.compile(r"#\s*(?:noqa|type: ignore|fmt: (?:skip|off)|pragma: no)\b")
GOOD = re.compile(r"# (?:noqa: [A-Z0-9, ]+|type: ignore\[[a-z, -]+\]|fmt: skip)  # \S")


def switched_off() -> Iterator[tuple[str, bool]]:
    """Each line of code where a check is off, and whether it says which and why."""
    for folder in FOLDERS:
        for path in sorted((BASE_DIR / folder).rglob("*.py")):
            for number, line in enumerate(path.read_text().splitlines(), start=1):
                if OFF.search(line):
                    yield f"{path.relative_to(BASE_DIR)}:{number}: {line.strip()}", bool(GOOD.search(line))


def test_check_that_is_off_names_its_rule_and_why() -> None:
    found = list(switched_off())
    assert len(found) > 100
    assert [place for place, is_good in found if not is_good] == []
