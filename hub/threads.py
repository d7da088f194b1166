"""Database work of sockets and the relay, in a pool of threads of its own.

Channels' ``database_sync_to_async`` shares one thread among all sockets of a process: one slow query would hold up
every connect and every repair. Here each thread keeps its own database connection, closed by age as in a request.
"""

import asyncio
import contextlib
import contextvars
import functools
import threading
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import ParamSpec, TypeVar, cast

from django.db import DataError, connections

from hub import watching
from hub.conf import hub_settings
from hub.faults import is_too_big

P = ParamSpec("P")
T = TypeVar("T")

#: Seconds that threads get to end.
CLOSE_TIMEOUT = 3.0

_pool: ThreadPoolExecutor | None = None


async def in_database_thread(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run ``function`` in a database thread and return what it returns; its errors are raised here.

    A number that the database cannot hold is a ``DataError`` with every database; SQLite alone has an error of
    Python's for it.

    Contextvars of the caller (log context) hold in the thread, Django's language does not. Cancelling the caller does
    not stop the thread: the work is finished and its result dropped.
    """
    global _pool
    if _pool is None:
        _pool = ThreadPoolExecutor(hub_settings().database_threads, thread_name_prefix="hub-database")
    work = functools.partial(function, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(
        _pool, contextvars.copy_context().run, _with_fresh_connections, work
    )


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


watching.queue("database", waiting)


def _with_fresh_connections(work: Callable[[], T]) -> T:
    _let_go_of_broken_ones()
    try:
        return work()
    except OverflowError as error:
        if is_too_big(error):
            raise DataError(*error.args) from error
        raise
    finally:
        _let_go_of_broken_ones()


def _let_go_of_broken_ones() -> None:
    for connection in connections.all(initialized_only=True):
        connection.close_at = None
        connection.close_if_unusable_or_obsolete()
        # Else each piece of work began with a query, only to find out.
        connection.health_check_done = True  # type: ignore[attr-defined]  # the stubs do not know it


def close_all() -> None:
    """End the threads, and with them their database connections, once their work is done; use starts new ones."""
    global _pool
    pool, _pool = _pool, None
    while _free:
        thread = _free.pop()
        with contextlib.suppress(TimeoutError):
            thread.submit(connections.close_all).result(CLOSE_TIMEOUT)
        thread.shutdown(wait=False)
    if pool is None:
        return
    everyone = threading.Barrier(pool._max_workers)

    def close_own() -> None:
        try:
            connections.close_all()
        finally:
            # A thread that took the work of two would leave another one's connections open.
            with contextlib.suppress(threading.BrokenBarrierError):
                everyone.wait(CLOSE_TIMEOUT)

    for _ in range(everyone.parties):
        pool.submit(close_own)
    # A thread that hangs in a database that does not answer must not keep the process from ending.
    done = threading.Event()

    def wait_for_all() -> None:
        pool.shutdown(wait=True)
        done.set()

    threading.Thread(target=wait_for_all, name="hub-database-end", daemon=True).start()
    done.wait(CLOSE_TIMEOUT)
