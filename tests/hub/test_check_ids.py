"""The ids by which projects silence checks: one id has one meaning."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

BASE_DIR = Path(settings.BASE_DIR)
FOLDERS = ("hub", "chat", "notifications", "worker", "presence", "lab")


def ids_by_function() -> Iterator[tuple[str, str]]:
    """Each id of a check, with the function that has it."""
    for folder in FOLDERS:
        for path in sorted((BASE_DIR / folder).rglob("*.py")):
            text = path.read_text()
            if "checks" not in text:
                continue
            for function in (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)):
                for node in ast.walk(function):
                    if isinstance(node, ast.keyword) and node.arg == "id" and isinstance(node.value, ast.Constant):
                        yield str(node.value.value), f"{path.relative_to(BASE_DIR)}:{function.name}"


@pytest.mark.slow
def test_no_id_of_a_check_has_two_meanings() -> None:
    places: dict[str, set[str]] = defaultdict(set)
    for one, place in ids_by_function():
        if one.startswith("hub."):
            places[one].add(place)
    assert len(places) > 30
    assert {one: found for one, found in places.items() if len(found) > 1} == {}
