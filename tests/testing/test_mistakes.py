"""Each common mistake with hub.testing has a sentence that says what to write instead."""

import json
import subprocess
import sys
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connections
from django.test import SimpleTestCase
from pytest_django.fixtures import Settings

from hub.database.threads import InTestCase
from hub.testing import (
    ConnectionEnded,
    Misused,
    assert_notified,
    capture_notifications,
    capture_publications,
    connected,
    drain_jobs,
)
from lab.harness.environment import BASE_DIR
from tests.support.people import User

MARK = r"this test has none: mark it with @pytest\.mark\.django_db, or take one of the hub's fixtures"


def capture() -> None:
    with capture_notifications():
        pass


def test_test_without_the_mark_is_told_to_take_it() -> None:
    with pytest.raises(Misused, match=rf"capture_notifications\(\) uses the database, and {MARK}"):
        capture()
    with pytest.raises(Misused, match=rf"assert_notified\(\) uses the database, and {MARK}"):
        assert_notified("everyone")
    with pytest.raises(Misused, match=rf"drain_jobs\(\) uses the database, and {MARK}"):
        drain_jobs()


async def test_async_test_without_the_mark_is_told_to_take_it() -> None:
    with pytest.raises(Misused, match=rf"connected\(\) uses the database, and {MARK}"):
        async with connected():
            pass


class WithoutDatabase(SimpleTestCase):
    def test_simple_test_case_is_told_to_derive_from_another(self) -> None:
        with pytest.raises(Misused, match=r"a SimpleTestCase has none: derive the test from TestCase"):
            capture()

    async def test_async_simple_test_case_is_told_too(self) -> None:
        with pytest.raises(Misused, match=r"connected\(\) uses the database, and a SimpleTestCase has none"):
            async with connected():
                pass


@pytest.mark.django_db
def test_user_who_is_not_stored_is_named() -> None:
    with pytest.raises(Misused, match=r"This \w+ is not stored, so nothing can be for it: save it first"):
        assert_notified(User())
    with pytest.raises(Misused, match="not stored"):
        connected(User())


@pytest.mark.django_db
def test_nobody_is_asserted_to_be_notified_never() -> None:
    with pytest.raises(Misused, match=r"times=0: write assert_not_notified\(…\)"):
        assert_notified("everyone", times=0)


@pytest.mark.django_db
def test_connected_in_a_sync_test_is_told_to_be_async() -> None:
    with pytest.raises(Misused, match=r"write `async with connected"), connected():
        pass


@pytest.mark.django_db(transaction=True)
async def test_guest_where_there_are_none_is_told_which_setting_says_so(settings: Settings) -> None:
    settings.HUB_GUESTS = False
    with pytest.raises(ConnectionEnded, match=r"Guests are not let in \(HUB_GUESTS\)"):
        async with connected():
            pass


@pytest.mark.django_db(transaction=True)
async def test_sync_functions_in_async_tests_are_told_their_async_twins() -> None:
    with pytest.raises(Misused, match="write `async with` in place of `with`"):
        capture()
    with pytest.raises(Misused, match=r"write `await aassert_notified\(…\)`"):
        assert_notified("everyone")
    with pytest.raises(Misused, match=r"write `await adrain_jobs\(\)`"):
        drain_jobs()


@pytest.mark.django_db(transaction=True)
async def test_looking_into_an_async_block_is_told_to_wait_for_its_end() -> None:
    async with capture_notifications() as sent:
        with pytest.raises(Misused, match="look at what was captured after the block"):
            len(sent)
    assert sent == []


@pytest.mark.django_db
async def test_loop_in_the_thread_of_the_transaction_is_told_to_commit() -> None:
    for block in (connected(), capture_notifications(), capture_publications()):
        with pytest.raises(InTestCase, match=r"django_db\(transaction=True\)"):
            async with block:
                pass


@pytest.mark.any_database
@pytest.mark.django_db(transaction=True)
def test_database_in_memory_is_told_to_move_into_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(connections["default"]), "is_in_memory_db", lambda self: True)

    async def connect() -> None:
        async with connected():
            pass

    with pytest.raises(Misused, match=r'DATABASES\[\'default\'\]\["TEST"\] = \{"NAME": BASE_DIR / "test.sqlite3"\}'):
        async_to_sync(connect)()


def loaded_by(code: str) -> Any:
    """What the program leaves in ``result``, in a process that has loaded nothing else."""
    program = f"import json, sys\n{code}\nprint(json.dumps(result))"
    ended = subprocess.run([sys.executable, "-c", program], cwd=BASE_DIR, capture_output=True, text=True, check=True)
    return json.loads(ended.stdout)


@pytest.mark.slow
def test_plugin_of_pytest_loads_neither_django_nor_a_model() -> None:
    loaded = loaded_by("import hub.testing.pytest_plugin\nresult = list(sys.modules)")
    assert "hub.testing.pytest_plugin" in loaded
    assert [name for name in loaded if name.startswith("django") or name.endswith(".models")] == []
