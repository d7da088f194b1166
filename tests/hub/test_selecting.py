"""Tests of a whole hub are left out by ``-m "not live"``, also those that are live by their fixture alone."""

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
