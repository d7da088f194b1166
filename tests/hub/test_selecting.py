"""Which tests and rows are left out by ``-m "not live"`` and ``--rows``, and which go to one test process."""

import pytest
from _pytest.mark import pytest_collection_modifyitems as select

from tests.support import plugin


def test_tests_are_marked_by_folder_then_by_fixture_and_then_selected(pytestconfig: pytest.Config) -> None:
    hooks = pytestconfig.pluginmanager.hook.pytest_collection_modifyitems.get_hookimpls()
    called = [hook.function for hook in reversed(hooks)]
    names = [getattr(function, "__module__", "") for function in called]
    ours = called.index(plugin.pytest_collection_modifyitems)
    assert ours < called.index(select)
    assert [name for name in names[ours:] if name.endswith("conftest")] == []


@pytest.fixture(scope="module")
def takes_long_to_make() -> None:
    """Stands for a product, or a hub, that the tests of one file share."""


@pytest.mark.usefixtures("takes_long_to_make")
def test_tests_that_share_what_their_file_makes_once_are_a_group(request: pytest.FixtureRequest) -> None:
    assert plugin.groups_of(request.node) == {"tests/hub/test_selecting.py"}


@pytest.mark.usefixtures("db")
def test_tests_that_share_nothing_are_spread_over_the_processes(request: pytest.FixtureRequest) -> None:
    assert plugin.groups_of(request.node) == set()


@pytest.mark.xdist_group("server")
@pytest.mark.usefixtures("takes_long_to_make")
def test_group_that_several_files_share_is_named_by_a_mark(request: pytest.FixtureRequest) -> None:
    assert plugin.groups_of(request.node) == {"server"}


@pytest.mark.parametrize(
    ("rows", "number", "kept"),
    [("abcde", 2, "ae"), ("abcde", 3, "ace"), ("abcdef", 1, "a"), ("ab", 2, "ab"), ("a", 3, "a")],
)
def test_few_rows_of_many_are_spread_from_the_first_to_the_last(rows: str, number: int, kept: str) -> None:
    assert "".join(plugin.spread(list(rows), number)) == kept


@pytest.mark.whole_table
@pytest.mark.django_db
@pytest.mark.parametrize("row", range(4))
def test_all_rows_of_a_whole_table_are_kept_where_that_is_asked_for(request: pytest.FixtureRequest, row: int) -> None:
    name = request.node.nodeid.partition("[")[0]
    rows = [item for item in request.session.items if item.nodeid.partition("[")[0] == name]
    sampled = plugin.few_rows(rows, 2, whole_tables=False)
    assert plugin.few_rows(rows, 2, whole_tables=True) == set(rows)
    assert sampled == {rows[0], rows[-1]}
