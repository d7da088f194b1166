"""What waits for a commit, in a test whose transaction is rolled back at its end.

Django's ``TestCase`` puts a transaction around each test. What code under test gives to ``transaction.on_commit``
there never runs by itself. The functions of this package run it where the code would have committed: what a block of
``atomic()`` that has ended has left, and nothing of one that was rolled back.
"""

import logging
from collections.abc import Callable, Iterator
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from hub.database.transactions import is_in_test_case, is_in_transaction
from hub.models import Publication
from hub.publishing import release

log = logging.getLogger(__name__)


class PendingCommit:
    """What the code under test leaves for the commit, from when this is made. Belongs to the thread that makes it."""

    def __init__(self) -> None:
        self._before = {alias: len(connections[alias].run_on_commit) for alias in connections}

    def run(self) -> None:
        """Run it as the commit would, each function once, and those that they leave in their turn.

        Does nothing where transactions are committed, and while the test itself has one open, which may still be
        rolled back. An error goes on to the caller, unless the function was given to Django as ``robust``.
        """
        for alias, before in self._before.items():
            if is_in_test_case(connections[alias]) and not is_in_transaction(connections[alias]):
                for function, is_robust in _taken(connections[alias], before):
                    _call(function, is_robust=is_robust)

    @property
    def waiting(self) -> int:
        """How many functions still wait for a commit; as :func:`waiting`."""
        return sum(_waiting(connections[alias], before) for alias, before in self._before.items())


def waiting() -> int:
    """How many functions wait for a commit in this thread, whoever left them; without those of the hub's engine."""
    return sum(_waiting(connections[alias], 0) for alias in connections)


def number_what_is_stored() -> None:
    """Give their offsets to publications whose transaction has not committed them, so that they are history."""
    release(list(Publication.objects.filter(offset=None).order_by().values_list("channel", flat=True).distinct()))


def _waiting(connection: BaseDatabaseWrapper, before: int) -> int:
    functions = [function for _, function, *_ in connection.run_on_commit[before:]]
    # What was sent is seen without these: they tell other processes of it.
    roots = [getattr(function, "func", function).__module__.partition(".")[0] for function in functions]
    return sum(root not in {"hub", "worker"} for root in roots)


def _taken(connection: BaseDatabaseWrapper, before: int) -> Iterator[tuple[Callable[[], object], bool]]:
    # Taken out of the list, as by a commit: neither another block around this one nor Django runs it again.
    hooks: list[Any] = connection.run_on_commit
    while len(hooks) > before:
        _, function, is_robust = hooks.pop(before)
        yield function, is_robust


def _call(function: Callable[[], object], *, is_robust: bool) -> None:
    try:
        function()
    except Exception:
        if not is_robust:
            raise
        log.exception("Error calling %s in on_commit()", getattr(function, "__qualname__", function))
