"""Inside a product the hub takes no setting but its own: it reads no other name that a product may use for itself."""

import ast
from collections.abc import Iterator

import pytest
from celery.app.defaults import DEFAULTS
from django.conf import global_settings

from lab.harness.environment import BASE_DIR

pytestmark = pytest.mark.any_database

#: Documented by Django and Channels, which give them no default.
WITHOUT_DEFAULT = {"ROOT_URLCONF", "ASGI_APPLICATION", "CHANNEL_LAYERS"}

#: What Celery documents, as the hub's Celery application reads it from Django's settings.
OF_CELERY = {f"CELERY_{name.upper()}" for name in DEFAULTS}

#: Names that the hub asks for only to say that it does not read them.
TOLD = {"hub/checks.py": {"REDIS_URL"}}

#: Where a name is made or taken from a list while the code runs: of the hub's own, of Django's two paths of cookies,
#: and all names, from which the judges of :mod:`hub.config.production_checks` take theirs.
BY_VARIABLE = {"hub/config/reading.py", "hub/config/misspelt.py", "hub/web/checks.py", "hub/checks.py"}

#: The hub's own project is no product.
OWN_PROJECT = {"hub/settings.py"}


def sources() -> Iterator[tuple[str, ast.Module]]:
    for package in ("chat", "hub", "notifications", "presence", "worker"):
        for path in sorted((BASE_DIR / package).rglob("*.py")):
            name = path.relative_to(BASE_DIR).as_posix()
            if name not in OWN_PROJECT and "settings" in (text := path.read_text()):
                yield name, ast.parse(text)


def names_read(tree: ast.AST) -> Iterator[str | None]:
    """The names that the code takes from what is called ``settings``; None for one that is no constant."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=of, attr=attribute) if is_settings(of) and attribute.isupper():
                yield attribute
            case ast.Call(func=ast.Name(id="getattr" | "hasattr"), args=[of, name, *_]) if is_settings(of):
                yield text_of(name)
            case ast.Call(func=ast.Attribute(value=of, attr="get"), args=[name, *_]) if is_settings(of):
                yield text_of(name)
            case ast.Subscript(value=of, slice=name) if is_settings(of):
                yield text_of(name)


def text_of(node: ast.expr) -> str | None:
    return str(node.value) if isinstance(node, ast.Constant) else None


def is_settings(node: ast.AST) -> bool:
    return isinstance(node, ast.Name | ast.Attribute) and ast.unparse(node).rpartition(".")[2] == "settings"


def is_known(name: str) -> bool:
    return name.startswith("HUB_") or hasattr(global_settings, name) or name in WITHOUT_DEFAULT | OF_CELERY


def test_hub_reads_only_settings_of_its_own_and_of_the_frameworks() -> None:
    found = {path: set(names_read(tree)) for path, tree in sources()}
    taken = {path: {name for name in names if name and not is_known(name)} for path, names in found.items()}
    assert {path: names for path, names in taken.items() if names} == TOLD
    assert {path for path, names in found.items() if None in names} == BY_VARIABLE
    assert set().union(*found.values()) >= {"HUB_ALLOW_UNSAFE", "LANGUAGE_CODE", "CHANNEL_LAYERS", "SECRET_KEY"}


@pytest.mark.parametrize(
    "code",
    [
        "settings.REDIS_URL",
        "django.conf.settings.REDIS_URL",
        "getattr(settings, 'REDIS_URL', '')",
        "settings['REDIS_URL']",
        "settings.get('REDIS_URL')",
    ],
)
def test_each_way_to_read_a_setting_is_seen(code: str) -> None:
    assert set(names_read(ast.parse(code))) == {"REDIS_URL"} and not is_known("REDIS_URL")
