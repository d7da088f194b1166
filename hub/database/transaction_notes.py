"""What code notes for the rest of the open transaction; its end forgets it, and a savepoint that is rolled back too.

Django tells nobody that it rolls a savepoint back. But it drops what was given to ``on_commit`` since then: a page of
notes is such a function, and is valid for as long as it waits there. Django itself knows only the savepoints of
``atomic()`` there; what waits here is dropped with those that code makes by hand, too.
"""

from collections.abc import Callable, Hashable
from typing import Any
from weakref import WeakKeyDictionary, ref

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from hub.database.transactions import is_in_transaction, outermost_block


class _Earlier:
    """The savepoints that were made so far: a rollback to one of them drops what waits with these.

    Those that are over are among them; nobody can roll back to one.
    """

    def __init__(self, number: int) -> None:
        self._number = number

    def __contains__(self, savepoint: str) -> bool:
        return _number(savepoint) <= self._number


def _number(savepoint: str) -> int:
    """How many savepoints the connection had made with this one."""
    return int(savepoint.rpartition("_x")[2])


class _Page:
    """What was noted between two savepoints; a later page is of a later time."""

    def __init__(self, book: "_Book", connection: BaseDatabaseWrapper) -> None:
        self.book = book  # lives for as long as one of its pages
        self.notes: dict[Hashable, Any] = {}
        #: How many savepoints had been made before.
        self.savepoints: int = connection.savepoint_state

    def __call__(self) -> None:
        """The transaction is committed: nothing is left to be done but to let go of the memory."""
        self.book.seen = None


class _Book:
    """The pages of one transaction."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.transaction = outermost_block(connection)
        self.page: ref[_Page] | None = None  # the last one
        self.notes: dict[Hashable, Any] = {}
        #: What waits last of these, and where: Django makes all entries of its list again when it rolls back to a
        #: savepoint. The list itself must not be held, since it holds what was dropped.
        self.seen: tuple[int, object] | None = None

    def write(self, key: Hashable, value: Any, connection: BaseDatabaseWrapper) -> None:
        """Note it on a page of what is open now."""
        last = None if self.page is None else self.page()
        if last is None or last.savepoints != connection.savepoint_state:
            last = _Page(self, connection)
            self.page = ref(last)
            _wait_for_commit(last, connection)
            self.seen = len(connection.run_on_commit) - 1, connection.run_on_commit[-1]
        last.notes[key] = self.notes[key] = value

    def check(self, connection: BaseDatabaseWrapper) -> None:
        """Forget what was noted in savepoints that were rolled back."""
        hooks = connection.run_on_commit
        if self.seen is not None and self.seen[0] < len(hooks) and hooks[self.seen[0]] is self.seen[1]:
            return
        self.page, self.notes, self.seen = None, {}, None
        for place, hook in enumerate(hooks):
            page = hook[1]
            if isinstance(page, _Page) and page.book is self:
                self.page = ref(page)
                self.notes.update(page.notes)
                self.seen = place, hook


#: By connection. What waits for the commit holds the pages themselves, so that a rollback frees their memory.
_books: WeakKeyDictionary[BaseDatabaseWrapper, ref[_Book]] = WeakKeyDictionary()


def note(key: Hashable, value: Any, *, using: str) -> None:
    """Note ``value`` under ``key`` for the rest of the transaction that is open on ``using``; without one, nothing."""
    connection = connections[using]
    if not is_in_transaction(connection):
        return
    book = _book(connection)
    if book is None:
        book = _Book(connection)
        _books[connection] = ref(book)
    book.write(key, value, connection)


def noted(key: Hashable, *, using: str) -> Any:
    """What was last noted under ``key`` in the transaction that is open on ``using``; None where nothing was."""
    connection = connections[using]
    if connection not in _books or not is_in_transaction(connection):
        return None
    book = _book(connection)
    return None if book is None else book.notes.get(key)


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
    connection = connections[using]
    if connection.in_atomic_block:
        _wait_for_commit(last, connection)
    else:
        transaction.on_commit(last, using=using)


def _wait_for_commit(function: Callable[[], object], connection: BaseDatabaseWrapper) -> None:
    """As ``on_commit`` in a transaction, but dropped with savepoints that were made by hand, too."""
    hooks: list[Any] = connection.run_on_commit
    hooks.append((_Earlier(connection.savepoint_state), function, False))


def _book(connection: BaseDatabaseWrapper) -> _Book | None:
    """That of the transaction that is open, with what is valid still."""
    known = _books.get(connection)
    book = None if known is None else known()
    if book is None or book.transaction != outermost_block(connection):
        _books.pop(connection, None)
        return None
    book.check(connection)
    return book
