"""What the hub reads from the environment is a field of its settings, and ``.env.example`` is a file for shells."""

import ast
import re
import shlex
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from hub.config import HubSettings
from hub.config.declaration import variable_of
from lab.harness.environment import BASE_DIR, steers_a_hub

#: Who may ask the environment itself, and for which variables: those that are others' to read.
READERS: dict[str, set[str]] = {
    # Which settings Django reads.
    "deploy/prepare.py": {"DJANGO_SETTINGS_MODULE"},
    "hub/asgi.py": {"DJANGO_SETTINGS_MODULE"},
    "hub/server/serve.py": {"DJANGO_SETTINGS_MODULE"},
    "manage.py": {"DJANGO_SETTINGS_MODULE"},
    "worker/celery.py": {"DJANGO_SETTINGS_MODULE"},
    # Every few seconds, without any package.
    "deploy/healthy.py": {"HUB_ALLOWED_HOSTS", "HUB_DATA_DIR"},
    "hub/config/variables.py": set(),
    # What the parts inherit.
    "hub/supervisor/plan.py": {"PYTHONPATH"},
}


def known() -> set[str]:
    return {variable_of(setting) for setting in fields(HubSettings)}


def sources() -> Iterator[Path]:
    yield BASE_DIR / "manage.py"
    for package in ("chat", "deploy", "hub", "notifications", "presence", "worker"):
        yield from (BASE_DIR / package).rglob("*.py")


def asked_of_the_environment(source: Path) -> set[str] | None:
    """The variables that the code names where it asks ``os.environ``; None where it does not ask."""
    tree = ast.parse(source.read_text())
    if not any(isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"} for node in ast.walk(tree)):
        return None
    named = set()
    for node in ast.walk(tree):
        reader = node.func if isinstance(node, ast.Call) else node.value if isinstance(node, ast.Subscript) else None
        given = (
            node.args[:1] if isinstance(node, ast.Call) else [node.slice] if isinstance(node, ast.Subscript) else []
        )
        if reader is not None and re.search(r"\benviron(\.\w+)?$|\bgetenv$", ast.unparse(reader)):
            named |= {str(name.value) for name in given if isinstance(name, ast.Constant)}
    return named


@pytest.mark.slow
def test_only_the_settings_read_the_environment() -> None:
    found = {str(source.relative_to(BASE_DIR)): asked_of_the_environment(source) for source in sources()}
    assert {path: names for path, names in found.items() if names is not None} == READERS


def test_health_check_reads_variables_that_are_settings() -> None:
    assert READERS["deploy/healthy.py"] <= known()


def test_example_sets_nothing() -> None:
    text = (BASE_DIR / ".env.example").read_text()
    assert [line for line in text.splitlines() if line and not line.startswith("#")] == []


def test_every_example_is_what_a_shell_makes_of_its_line() -> None:
    """The head says to source the file: a value with a space that is not quoted would be lost."""
    text = (BASE_DIR / ".env.example").read_text()
    lines = re.findall(r"^#([A-Z_]+=.*)$", text, flags=re.MULTILINE)
    assert len(lines) == len(known())
    assert [line for line in lines if len(shlex.split(line)) != 1 or re.search(r"[;&|<>$`()]", unquoted(line))] == []


def unquoted(line: str) -> str:
    return re.sub(r"\"[^\"]*\"|'[^']*'", "", line)


def test_test_runs_are_shielded_from_every_variable() -> None:
    assert [name for name in known() if not steers_a_hub(name)] == []


def test_compose_file_passes_on_only_variables_that_are_read() -> None:
    passed_on = set(re.findall(r"\$\{([A-Z_]+)", (BASE_DIR / "compose.yaml").read_text()))
    assert passed_on <= known()
