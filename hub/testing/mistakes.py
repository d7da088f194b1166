"""What is said to a test that cannot work as it is written."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import SynchronousOnlyOperation
from django.db import connections
from django.db.models import Model
from django.test.testcases import DatabaseOperationForbidden  # type: ignore[attr-defined]  # not in the stubs


class Misused(RuntimeError):
    """A function of :mod:`hub.testing` is called where it cannot work; the text says what to write instead."""


@contextmanager
def reading_the_database(who: str) -> Iterator[None]:
    """Say what a test lacks in which ``who`` may not use the database.

    Raises:
        Misused: the test has no database, or runs on an event loop.
    """
    try:
        yield
    except SynchronousOnlyOperation as error:
        raise Misused(
            f"{who} reads the database, which async code may not wait for: write `async with` in place of `with`, and "
            "look at what was captured after the block."
        ) from error
    except DatabaseOperationForbidden as error:
        raise Misused(
            f"{who} uses the database, and a SimpleTestCase has none: derive the test from TestCase. ({error})"
        ) from error
    except RuntimeError as error:
        if not str(error).startswith("Database access not allowed"):
            raise
        raise Misused(
            f"{who} uses the database, and this test has none: mark it with @pytest.mark.django_db, or take one of "
            "the hub's fixtures, such as hub_notifications."
        ) from error


def refuse_event_loop(who: str, instead: str) -> None:
    """Refuse a call from async code, for which there is ``instead``."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise Misused(f"{who} waits for the database, and async code must not: write `{instead}`.")


def refuse_unsaved(recipient: object) -> None:
    """Refuse a row that is not stored: nobody can have been told of anything under its key."""
    if isinstance(recipient, Model) and recipient._state.adding:
        kind = type(recipient).__name__
        raise Misused(f"This {kind} is not stored, so nothing can be for it: save it first.")


def refuse_memory_shared_by_threads() -> None:
    """Refuse a SQLite database in memory outside a transaction: its connections lock each other out at once."""
    for alias in connections:
        connection = connections[alias]
        if connection.vendor == "sqlite" and connection.is_in_memory_db():  # type: ignore[attr-defined]  # of SQLite's
            raise Misused(
                f"The test database {alias!r} is SQLite's in memory, whose connections lock each other out, and the "
                "hub uses several. Put it into a file, "
                f'DATABASES[{alias!r}]["TEST"] = {{"NAME": BASE_DIR / "test.sqlite3"}}, or write an async test of '
                "Django's TestCase, which has one connection."
            )
