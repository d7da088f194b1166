"""What code notes for the rest of the open transaction; its end forgets it, and a savepoint that is rolled back too.

Django tells nobody that it rolls a savepoint back. But it drops what was given to ``on_commit`` since then: a page of
notes is such a function, and is valid for as long as it waits there.
"""

from collections.abc import Callable, Hashable
from typing import Any
from weakref import WeakKeyDictionary, ref

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from hub.database.transactions import is_in_transaction, outermost_block


class _Page:
    """What was noted in one savepoint, or in none; a later page is of a savepoint within that one."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.notes: dict[Hashable, Any] = {}
        self.savepoints: tuple[str | None, ...] = tuple(connection.savepoint_ids)
        self.transaction = outermost_block(connection)
        self._place = len(connection.run_on_commit)

    def __call__(self) -> None:
        """The transaction is committed: nothing is left to be done."""

    def is_valid(self, connection: BaseDatabaseWrapper) -> bool:
        """Whether it was written in the transaction that is open now, and is not rolled back."""
        if self.transaction != outermost_block(connection):
            return False
        # Functions before it may have been dropped, so that it stands further in front now.
        hooks = connection.run_on_commit
        for place in range(min(self._place, len(hooks) - 1), -1, -1):
            if hooks[place][1] is self:
                self._place = place
                return True
        return False

    def move_out(self, savepoints: tuple[str | None, ...]) -> None:
        """Belong to the innermost of its savepoints that is open still; those within were released."""
        depth = 0
        while depth < min(len(savepoints), len(self.savepoints)) and self.savepoints[depth] == savepoints[depth]:
            depth += 1
        self.savepoints = savepoints[:depth]


#: By connection. What waits for the commit holds the pages themselves, so that a rollback frees their memory.
_pages: WeakKeyDictionary[BaseDatabaseWrapper, list[ref[_Page]]] = WeakKeyDictionary()


def note(key: Hashable, value: Any, *, using: str) -> None:
    """Note ``value`` under ``key`` for the rest of the transaction that is open on ``using``; without one, nothing."""
    connection = connections[using]
    if not is_in_transaction(connection):
        return
    pages = _valid_pages(connection)
    if not pages or pages[-1].savepoints != tuple(connection.savepoint_ids):
        pages.append(_Page(connection))
        transaction.on_commit(pages[-1], using=using)
        _pages[connection] = [ref(page) for page in pages]
    pages[-1].notes[key] = value


def noted(key: Hashable, *, using: str) -> Any:
    """What was last noted under ``key`` in the transaction that is open on ``using``; None where nothing was."""
    connection = connections[using]
    if connection not in _pages or not is_in_transaction(connection):
        return None
    for page in reversed(_valid_pages(connection)):
        if key in page.notes:
            return page.notes[key]
    return None


class _Last:
    """A function that waits for the commit, unless a later one of the same key does."""

    def __init__(self, function: Callable[[], object]) -> None:
        self._function = function
        #: A rollback to a savepoint drops the later one, and with it what this refers to.
        self.later: ref[_Last] | None = None

    def __call__(self) -> None:
        if self.later is None or self.later() is None:
            self._function()


def run_last_on_commit(key: Hashable, function: Callable[[], object], *, using: str) -> None:
    """Call ``function`` after the commit of the transaction that is open on ``using``, as ``on_commit`` does.

    It takes the place of what was given here earlier in this transaction under ``key``.
    """
    last = _Last(function)
    known: ref[_Last] | None = noted(key, using=using)
    if known is not None and (earlier := known()) is not None:
        earlier.later = ref(last)
    note(key, ref(last), using=using)
    transaction.on_commit(last, using=using)


def _valid_pages(connection: BaseDatabaseWrapper) -> list[_Page]:
    """The pages of the open transaction, at most one for each savepoint that is open, from the outermost on."""
    pages: list[_Page] = []
    for page in [known() for known in _pages.get(connection, ())]:
        if page is None or not page.is_valid(connection):
            continue
        page.move_out(tuple(connection.savepoint_ids))
        if pages and pages[-1].savepoints == page.savepoints:
            pages[-1].notes.update(page.notes)
            page.notes = {}
        else:
            pages.append(page)
    if pages:
        _pages[connection] = [ref(page) for page in pages]
    else:
        _pages.pop(connection, None)
    return pages
