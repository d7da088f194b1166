"""``docs/limits.md`` has a row for each limit and each bound that the code holds."""

import ast
from collections.abc import Iterator

import pytest

import hub.asgi  # noqa: F401  # imports what declares limits
from hub.config.typed_settings import HubSettings
from hub.limits import rates
from lab.harness.environment import BASE_DIR
from tests.docs.documents import table

PAGE = "docs/limits.md"
PACKAGES = ("chat", "hub", "notifications", "presence", "worker")


def rows() -> dict[str, list[str]]:
    return {cells[0].strip("`"): cells for cells in table(PAGE, "limit", "setting", "default")}


def bounds() -> Iterator[str]:
    """The constants in ``limits.count_refusal("…")``."""
    for package in PACKAGES:
        for source in (BASE_DIR / package).rglob("*.py"):
            for node in ast.walk(ast.parse(source.read_text())):
                if (
                    isinstance(node, ast.Call)
                    and ast.unparse(node.func).rpartition(".")[2] == "count_refusal"
                    and isinstance(node.args[0], ast.Constant)
                ):
                    yield str(node.args[0].value)


@pytest.mark.slow
def test_table_lists_every_limit_and_bound() -> None:
    assert set(rows()) == {limit.name for limit in rates.declared()} | set(bounds())


def test_table_has_the_setting_and_the_default_of_every_limit() -> None:
    for limit in rates.declared():
        _, setting, default, *_ = rows()[limit.name]
        assert setting == f"`HUB_{limit.setting.upper()}`"
        assert default == f"`{getattr(HubSettings(), limit.setting)}`"
