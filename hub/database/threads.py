"""Database work of sockets and the relay, in a pool of threads of its own.

Channels' ``database_sync_to_async`` shares one thread among all sockets of a process: one slow query would hold up
every connect and every repair. Here each thread keeps its own database connection, closed by age as in a request.
"""

import asyncio
import contextlib
import contextvars
import functools
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar, cast

from asgiref.sync import AsyncToSync, sync_to_async
from django.db import DataError, connections

from hub.concurrency.faults import is_too_big
from hub.config import hub_settings
from hub.database.transactions import is_in_test_case
from hub.ops import gauges

P = ParamSpec("P")
T = TypeVar("T")

#: Pieces of long work that a process does at once.
LONG_LIMIT = 2

#: Seconds that threads get to end.
CLOSE_TIMEOUT = 3.0

_pool: ThreadPoolExecutor | None = None

#: When each thread of the pool that is at work began, by its id.
_began: dict[int, float] = {}


class InTestCase(RuntimeError):
    """A test awaits the hub inside the transaction of a ``TestCase``, which no other connection can see."""


class TooMuchLongWork(Exception):
    """This process does as much long work as it may; later there may be room."""


async def in_database_thread(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run ``function`` in a database thread and return what it returns; its errors are raised here.

    A number that the database cannot hold is a ``DataError`` with every database; SQLite alone has an error of
    Python's for it.

    Contextvars of the caller (log context) hold in the thread, Django's language does not. Cancelling the caller does
    not stop the thread: the work is finished and its result dropped.

    In an async test of Django's ``TestCase`` it runs in the thread of the test, and so in its transaction.

    Raises:
        InTestCase: the event loop itself runs in that thread, as with pytest-asyncio.
    """
    global _pool
    work = functools.partial(function, *args, **kwargs)
    if "django.test.testcases" in sys.modules and await _is_for_the_thread_of_a_test():
        return await sync_to_async(_with_plain_errors)(work)
    if _pool is None:
        _pool = ThreadPoolExecutor(hub_settings().database_threads, thread_name_prefix="hub-database")
    return await asyncio.get_running_loop().run_in_executor(_pool, contextvars.copy_context().run, _timed, work)


async def in_long_thread(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """:func:`in_database_thread` for what may take minutes: in a thread of its own, so that no connect waits for it.

    Raises:
        TooMuchLongWork: :data:`LONG_LIMIT` pieces are under way.
    """
    work = functools.partial(function, *args, **kwargs)
    if "django.test.testcases" in sys.modules and await _is_for_the_thread_of_a_test():
        return await sync_to_async(_with_plain_errors)(work)
    if not _long.acquire(blocking=False):
        raise TooMuchLongWork
    thread = borrow()

    def work_and_give_back() -> T:
        # Here, not where it is awaited: who gives up waiting does not stop the work.
        try:
            return _with_fresh_connections(work)
        finally:
            give_back(thread)
            _long.release()

    return await asyncio.get_running_loop().run_in_executor(thread, contextvars.copy_context().run, work_and_give_back)


async def _is_for_the_thread_of_a_test() -> bool:
    """Whether the caller is inside a ``TestCase``, whose transaction no thread of the pool can see."""
    if _is_in_test_case():
        raise InTestCase(
            "Async functions of the hub use database connections of their own, which see nothing of the transaction "
            "of a TestCase: use TransactionTestCase, or with pytest @pytest.mark.django_db(transaction=True)."
        )
    if asyncio.get_running_loop() not in AsyncToSync.loop_thread_executors:
        return False
    return await sync_to_async(_is_in_test_case)()


def _is_in_test_case() -> bool:
    """Whether this thread is in the transaction that Django's ``TestCase`` puts around a test."""
    # A running loop sees connections of its own; those of the thread below it are what asgiref keeps for sync code.
    of_thread: Any = connections._connections._storage  # type: ignore[attr-defined]  # not public
    opened = [one for alias in connections if (one := getattr(of_thread, alias, None)) is not None]
    return any(map(is_in_test_case, opened))


_long = threading.BoundedSemaphore(LONG_LIMIT)
_free: list[ThreadPoolExecutor] = []


def borrow() -> Executor:
    """A thread for one request of Django, which keeps its database connection from one request to the next."""
    try:
        return _free.pop()  # the one that was used last: the others' connections grow old, and are closed by age
    except IndexError:
        return ThreadPoolExecutor(1, thread_name_prefix="hub-request")


def give_back(thread: Executor) -> None:
    """The request is answered. Whoever borrows next gets this thread."""
    _free.append(cast(ThreadPoolExecutor, thread))


def waiting() -> int:
    """How many calls wait for a thread."""
    return _pool._work_queue.qsize() if _pool is not None else 0


gauges.queue("database", waiting)


def hanging(seconds: float) -> int:
    """How many threads of the pool are at one piece of work for more than ``seconds``."""
    now = time.monotonic()
    return sum(now - began > seconds for began in list(_began.values()))


def _timed(work: Callable[[], T]) -> T:
    thread = threading.get_ident()
    _began[thread] = time.monotonic()
    try:
        return _with_fresh_connections(work)
    finally:
        del _began[thread]


def _with_fresh_connections(work: Callable[[], T]) -> T:
    _close_broken_connections()
    try:
        return _with_plain_errors(work)
    finally:
        _close_broken_connections()


def _with_plain_errors(work: Callable[[], T]) -> T:
    try:
        return work()
    except OverflowError as error:
        if is_too_big(error):
            raise DataError(*error.args) from error
        raise


def _close_broken_connections() -> None:
    for connection in connections.all(initialized_only=True):
        connection.close_at = None
        connection.close_if_unusable_or_obsolete()
        # Else each piece of work began with a query, only to find out.
        connection.health_check_done = True  # type: ignore[attr-defined]  # the stubs do not know it


def close_all() -> None:
    """End the threads, and with them their database connections, once their work is done; use starts new ones.

    Nothing is left to be ended while the interpreter ends.
    """
    global _pool
    pool, _pool = _pool, None
    while _free:
        thread = _free.pop()
        with contextlib.suppress(TimeoutError, RuntimeError):  # of the latter, see below
            thread.submit(connections.close_all).result(CLOSE_TIMEOUT)
        thread.shutdown(wait=False)
    if pool is None:
        return
    # No thread starts only to end.
    pool._max_workers = len(pool._threads)
    everyone = threading.Barrier(pool._max_workers)

    def close_own() -> None:
        try:
            connections.close_all()
        finally:
            # A thread that took the work of two would leave another one's connections open.
            with contextlib.suppress(threading.BrokenBarrierError):
                everyone.wait(CLOSE_TIMEOUT)

    try:
        for _ in range(everyone.parties):
            pool.submit(close_own)
    except RuntimeError:
        return  # the interpreter ends, and has ended its threads: a server that reloads leaves its thread until then
    # A thread that hangs in a database that does not answer must not keep the process from ending.
    done = threading.Event()

    def wait_for_all() -> None:
        pool.shutdown(wait=True)
        done.set()

    threading.Thread(target=wait_for_all, name="hub-database-end", daemon=True).start()
    done.wait(CLOSE_TIMEOUT)
