"""Modules own what they hold: no module assigns into another."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.harness.environment import BASE_DIR

PACKAGES = ("chat", "hub", "notifications", "presence", "worker")


def is_module(name: str) -> bool:
    """Whether a dotted name is a module of this repository."""
    path = BASE_DIR.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def modules_in(tree: ast.Module) -> dict[str, str]:
    """What a file calls the modules that it imports."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update({name.asname or name.name: name.name for name in node.names})
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.update({name.asname or name.name: f"{node.module}.{name.name}" for name in node.names})
    return {name: module for name, module in found.items() if is_module(module)}


def targets_of(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.Assign):
        return node.targets
    return [node.target] if isinstance(node, ast.AnnAssign | ast.AugAssign) else []


def assignments_into_modules(source: str) -> Iterator[str]:
    tree = ast.parse(source)
    modules = modules_in(tree)
    for node in ast.walk(tree):
        for target in targets_of(node):
            if isinstance(target, ast.Attribute) and ast.unparse(target.value) in modules:
                yield ast.unparse(node)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "setattr" and ast.unparse(node.args[0]) in modules:
            yield ast.unparse(node)


def sources() -> Iterator[Path]:
    for package in PACKAGES:
        yield from (BASE_DIR / package).rglob("*.py")


@pytest.mark.slow
def test_no_module_assigns_into_another() -> None:
    found = {str(path.relative_to(BASE_DIR)): list(assignments_into_modules(path.read_text())) for path in sources()}
    assert {path: lines for path, lines in found.items() if lines} == {}


def test_assignments_into_modules_are_found() -> None:
    source = """
import hub.fanout.relay
from hub.fanout import relay
from hub.limits.connections import connections
relay.current = None
hub.fanout.relay.TURN += 1
setattr(relay, "LINGER", 1)
connections.open = 3
relay.current().loop = None
"""
    assert list(assignments_into_modules(source)) == [
        "relay.current = None",
        "hub.fanout.relay.TURN += 1",
        "setattr(relay, 'LINGER', 1)",
    ]
