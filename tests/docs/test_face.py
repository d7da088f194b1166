"""The domain apps import the face of the engine alone: what its packages export, as ``ARCHITECTURE.md`` lists it."""

import ast
import importlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.harness.environment import BASE_DIR
from tests.docs.documents import table

APPS = ("chat", "notifications", "presence", "hub/accounts")

FACE = {
    package.strip("`"): {name.strip(" `") for name in names.split(",")}
    for package, names, *_ in table("ARCHITECTURE.md", "package", "what apps import from it")
}


def imported_by(source: Path) -> Iterator[tuple[str, str]]:
    """What the code takes from the engine: pairs of a module and a name in it."""
    tree = ast.parse(source.read_text())
    modules: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {alias.name: alias.name for alias in node.names if alias.name.startswith("hub.")}
        elif isinstance(node, ast.ImportFrom) and node.module and _is_of_the_engine(node.module):
            for alias in node.names:
                if _is_module(f"{node.module}.{alias.name}"):
                    modules[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                else:
                    yield node.module, alias.name
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and (module := modules.get(ast.unparse(node.value))):
            yield module, node.attr


def _is_of_the_engine(module: str) -> bool:
    return module.split(".", maxsplit=1)[0] == "hub" and not module.startswith("hub.accounts")


def _is_module(name: str) -> bool:
    path = BASE_DIR / name.replace(".", "/")
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def taken() -> dict[str, set[str]]:
    """What all apps take from the engine, by module."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for app in APPS:
        for source in (BASE_DIR / app).rglob("*.py"):
            for module, name in imported_by(source):
                found[module].add(name)
    return dict(found)


@pytest.mark.slow
def test_apps_import_what_the_face_lists_and_nothing_else() -> None:
    assert taken() == FACE


@pytest.mark.parametrize("package", FACE)
def test_package_exports_its_face(package: str) -> None:
    module = importlib.import_module(package)
    assert FACE[package] <= set(getattr(module, "__all__", dir(module)))
    assert [name for name in FACE[package] if not hasattr(module, name)] == []


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("from hub.limits import take", {("hub.limits", "take")}),
        ("from hub import limits as bounds\nbounds.take(1)", {("hub.limits", "take")}),
        ("import hub.presence\nhub.presence.current()", {("hub.presence", "current")}),
        ("from hub.fanout import relay\nrelay.current()", {("hub.fanout.relay", "current")}),
        ("def later():\n    from hub.fanout.relay import current", {("hub.fanout.relay", "current")}),
        ("from hub.accounts import tokens\ntokens.issue()", set()),
        ("import hubbub\nfrom chat import actions\nactions.post()", set()),
    ],
)
def test_imports_are_found(code: str, names: set[tuple[str, str]], tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(code)
    assert set(imported_by(tmp_path / "app.py")) == names
