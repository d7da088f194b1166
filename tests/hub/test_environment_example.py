"""``.env.example`` is the list of variables that people look at, so it has to be the list that the code reads."""

import ast
import re
import shlex
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from hub.config.typed_settings import HubSettings
from lab.harness.environment import BASE_DIR, steers_a_hub

VARIABLE = re.compile(r"(HUB_[A-Z_]+|SECRET_KEY|REDIS_URL|DATABASE_URL)")

#: What the code reads the environment through: ``env.str("NAME")``, ``os.environ["NAME"]`` and so on.
READERS = {"env", "environ", "integer", "getenv", "boolean"}


def sources() -> Iterator[Path]:
    yield BASE_DIR / "manage.py"
    for package in ("chat", "deploy", "hub", "notifications", "presence", "worker"):
        yield from (BASE_DIR / package).rglob("*.py")


def variables_read() -> set[str]:
    settings = {f"HUB_{setting.name.upper()}" for setting in fields(HubSettings)}
    return settings | {name for source in sources() for name in read_by(ast.parse(source.read_text()))}


def read_by(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args:
            reader, name = node.func, node.args[0]
        elif isinstance(node, ast.Subscript):
            reader, name = node.value, node.slice
        else:
            continue
        names = {part.attr for part in ast.walk(reader) if isinstance(part, ast.Attribute)}
        names |= {part.id for part in ast.walk(reader) if isinstance(part, ast.Name)}
        if names & READERS and isinstance(name, ast.Constant) and VARIABLE.fullmatch(str(name.value)):
            yield str(name.value)


def variables_listed() -> list[str]:
    return re.findall(r"^#?([A-Z_]+)=", (BASE_DIR / ".env.example").read_text(), flags=re.MULTILINE)


def test_example_lists_exactly_the_variables_that_are_read() -> None:
    assert sorted(variables_listed()) == sorted(variables_read())


def test_example_sets_nothing() -> None:
    text = (BASE_DIR / ".env.example").read_text()
    assert [line for line in text.splitlines() if line and not line.startswith("#")] == []


def test_every_example_is_what_a_shell_makes_of_its_line() -> None:
    """The head says to source the file: a value with a space that is not quoted would be lost."""
    text = (BASE_DIR / ".env.example").read_text()
    lines = re.findall(r"^#([A-Z_]+=.*)$", text, flags=re.MULTILINE)
    assert len(lines) > 50
    assert [line for line in lines if len(shlex.split(line)) != 1 or re.search(r"[;&|<>$`()]", unquoted(line))] == []


def unquoted(line: str) -> str:
    return re.sub(r"\"[^\"]*\"|'[^']*'", "", line)


def test_test_runs_are_shielded_from_every_variable() -> None:
    assert [name for name in variables_read() if not steers_a_hub(name)] == []


def test_compose_file_passes_on_only_variables_that_are_read() -> None:
    passed_on = set(re.findall(r"\$\{([A-Z_]+)", (BASE_DIR / "compose.yaml").read_text()))
    assert passed_on <= variables_read()
