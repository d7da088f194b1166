"""What the documents point at is there: files, headings, tests, functions."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from lab.harness.environment import BASE_DIR
from tests.docs.documents import DOCUMENTS, anchors, blocks, code_spans, name_of, prose, text_of

NAMES = [name_of(document) for document in DOCUMENTS]
LINK = re.compile(r"\]\(([^)\s]+)\)")
PACKAGES = ("chat", "deploy", "hub", "lab", "notifications", "presence", "tests", "worker")

#: Lines of the README: more than that nobody reads before the first try.
README_LIMIT = 150


def test_readme_is_short() -> None:
    assert len(text_of("README.md").splitlines()) <= README_LIMIT


def test_readme_leads_to_the_index_of_all_documents() -> None:
    assert "docs/README.md" in LINK.findall(prose("README.md"))
    linked = {link.partition("#")[0] for link in LINK.findall(prose("docs/README.md"))}
    kept = {name.removeprefix("docs/") for name in NAMES if re.fullmatch(r"docs/(?:howto/)?[\w-]+\.md", name)}
    assert kept - linked == {"README.md"}


def test_index_of_the_decisions_leads_to_each() -> None:
    linked = set(LINK.findall(prose("docs/decisions/README.md")))
    kept = {name for name in NAMES if name.startswith("docs/decisions/")} - {"docs/decisions/README.md"}
    assert {name.removeprefix("docs/decisions/") for name in kept} - linked == set()


@pytest.mark.parametrize("name", NAMES)
def test_links_between_documents_resolve(name: str) -> None:
    broken = [link for link in LINK.findall(prose(name)) if not link.startswith("https://") and not leads(name, link)]
    assert broken == []


def leads(name: str, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (BASE_DIR / name).parent / path if path else BASE_DIR / name
    return target.exists() and (not anchor or anchor in anchors(target.resolve().relative_to(BASE_DIR).as_posix()))


@pytest.mark.parametrize("name", NAMES)
def test_files_named_in_the_text_exist(name: str) -> None:
    folders = "|".join((*PACKAGES, "docs", "locale", "requirements", "static", "templates"))
    named = [span for span in code_spans(name) if re.fullmatch(rf"(?:{folders})/[\w./-]*", span)]
    assert [path for path in named if not (BASE_DIR / path).exists()] == []


def test_make_has_each_target_that_a_page_or_a_skipped_test_names() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (BASE_DIR / "Makefile").read_text(), re.MULTILINE))
    named = {(name, span.split()[1]) for name in NAMES for span in code_spans(name) if re.match(r"make [a-z]", span)}
    tests = [(path.name, path.read_text()) for path in (BASE_DIR / "tests").rglob("*.py")]
    named |= {(name, target) for name, text in tests for target in re.findall(r"\(make ([a-z-]+)\)", text)}
    assert len(named) > 50
    assert sorted(one for one in named if one[1] not in targets) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_tests_named_in_the_text_exist(name: str) -> None:
    named = [span.split("::") for span in code_spans(name) if re.fullmatch(r"tests/[\w/]+\.py::\w+", span)]
    assert [f"{path}::{test}" for path, test in named if test not in functions_of(BASE_DIR / path)] == []


@cache
def functions_of(path: Path) -> frozenset[str]:
    definitions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return frozenset(node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, definitions))


def all_functions() -> Iterator[str]:
    for package in ("chat", "hub", "notifications", "presence", "worker"):
        for source in (BASE_DIR / package).rglob("*.py"):
            yield from functions_of(source)


@pytest.mark.slow
def test_architecture_names_functions_that_exist() -> None:
    flow = next(block for block in blocks("ARCHITECTURE.md", "") if "COMMIT" in block)
    steps = [step for line in flow.splitlines() for step in re.split(" -> ", line[:41]) if "==" not in step]
    steps = [step.strip().split()[0] for step in steps if step.strip()]
    assert len(steps) > 12
    known = {*all_functions(), "the"}
    assert [step for step in steps if step.rpartition(".")[2] not in known] == []


def owned_names() -> Iterator[tuple[str, str]]:
    """Each function, class, method, module and package with what it stands in: a module, its package, a class."""
    for package in ("chat", "hub", "notifications", "presence", "worker"):
        for source in (BASE_DIR / package).rglob("*.py"):
            yield from ((owner, name) for name in functions_of(source) for owner in (source.stem, source.parent.name))
            yield source.parent.name, source.stem
            yield source.parent.parent.name, source.parent.name
            for node in ast.walk(ast.parse(source.read_text())):
                if isinstance(node, ast.ClassDef):
                    yield from ((node.name, method.name) for method in node.body if isinstance(method, METHODS))


METHODS = (ast.FunctionDef, ast.AsyncFunctionDef)


@pytest.mark.slow
def test_names_in_the_prose_of_the_architecture_stand_where_it_says() -> None:
    """Such as ``Relay.deliver`` and ``jobs.begin``."""
    found = {re.fullmatch(r"([A-Za-z_]+)\.([A-Za-z_]+)(?:\(.*\))?", span) for span in code_spans("ARCHITECTURE.md")}
    named = {(match[1], match[2]) for match in found if match and match[2] not in ("md", "py", "toml")}
    assert len(named) > 15
    assert sorted(named - set(owned_names())) == []


@pytest.mark.parametrize("name", NAMES)
def test_dotted_names_in_the_text_exist(name: str) -> None:
    pattern = re.compile(rf"(?:{'|'.join(PACKAGES)})(?:\.\w+)+")
    named = [span.removesuffix("()") for span in code_spans(name)]
    missing = [span for span in named if pattern.fullmatch(span) and not span.endswith(".md") and not is_there(span)]
    assert missing == []


def is_there(dotted: str) -> bool:
    """Whether a module, a name in one, or a text in the code (such as a publication's type) is called so."""
    package, *rest, name = dotted.split(".")
    path = BASE_DIR.joinpath(package, *rest)
    if any((path / name).with_suffix(suffix).exists() for suffix in ("", ".py")):
        return True
    homes = [path.with_suffix(".py"), path / "__init__.py", path.parent.with_suffix(".py")]
    if any(re.search(rf"\b{name}\b", home.read_text()) for home in homes if home.exists()):
        return True
    return f'"{dotted}"' in _all_sources()


@cache
def _all_sources() -> str:
    return "\n".join(source.read_text() for root in PACKAGES for source in sorted((BASE_DIR / root).rglob("*.py")))
