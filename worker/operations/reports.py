"""What workers say of themselves every two seconds: keys of Redis that vanish when nothing is heard any more.

By the same exchange they hear that a queue was paused or a worker drained, and look at the database then.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from secrets import token_hex
from typing import Any, Final

import msgspec
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from hub.config import hub_settings
from hub.logs import get_logger

log = get_logger(__name__)

#: Seconds for which a report counts. A worker that was killed is shown for as long.
LIFETIME: Final = 10

#: Running tasks of one report.
RUNNING_LIMIT: Final = 50


class RunningTask(msgspec.Struct, frozen=True):
    """A task that a worker runs. ``since`` is a time of the worker's host, in seconds since 1970."""

    id: str
    task: str
    queue: str
    since: float


class WorkerReport(msgspec.Struct, frozen=True):
    """A worker: ``run`` names this run of it; ``reads`` are the queues it was started for, and ``off`` those of them
    that it does not read now. ``held`` are the tasks that it has taken and not begun."""

    run: str
    name: str
    reads: tuple[str, ...]
    off: tuple[str, ...]
    is_drained: bool
    concurrency: int
    started: float
    held: int = 0
    running: tuple[RunningTask, ...] = ()


_decoder = msgspec.json.Decoder(WorkerReport)


def write(report: WorkerReport) -> bytes | None:
    """Show the report to whoever asks within :data:`LIFETIME`. Raises what redis-py raises.

    Returns what :func:`note_change` has written last; another value than before means that there is news.
    """
    with _client() as client, client.pipeline(transaction=False) as pipe:
        pipe.set(_key(report.run), msgspec.json.encode(report), ex=LIFETIME)
        pipe.sadd(_index(), report.run)
        pipe.get(_changes())
        found: bytes | None = pipe.execute()[-1]
    return found


def note_change() -> None:
    """Have all workers look soon at what is paused and who is drained. Raises nothing: they look anyway, but later."""
    try:
        with _client() as client:
            client.set(_changes(), token_hex(8))
    except (redis.RedisError, OSError) as error:
        log.warning("change_not_told", error=type(error).__name__)


def forget(run: str) -> None:
    """The worker has ended. Raises what redis-py raises."""
    with _client() as client:
        client.delete(_key(run))
        client.srem(_index(), run)


def read() -> list[WorkerReport]:
    """The reports of all workers that live, by their names. Raises what redis-py raises."""
    with _client() as client:
        runs = sorted(name if isinstance(name, str) else name.decode() for name in client.smembers(_index()))
        texts = client.mget([_key(run) for run in runs]) if runs else []
        if gone := [run for run, text in zip(runs, texts, strict=True) if text is None]:
            client.srem(_index(), *gone)
    return sorted(_readable(texts), key=lambda report: (report.name, report.run))


def _readable(texts: list[Any]) -> Iterator[WorkerReport]:
    for text in texts:
        try:
            if text is not None:
                yield _decoder.decode(text)
        except msgspec.DecodeError:  # of another version of the hub
            continue


def _changes() -> str:
    return f"{hub_settings().redis_prefix}:workers:changes"


def _index() -> str:
    return f"{hub_settings().redis_prefix}:workers"


def _key(run: str) -> str:
    return f"{hub_settings().redis_prefix}:worker:{run}"


@contextmanager
def _client() -> Iterator["redis.Redis"]:
    """A connection for one exchange: a worker forks, and shares none with its children."""
    timeout = hub_settings().redis_timeout
    client = redis.Redis.from_url(
        hub_settings().redis_url,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        single_connection_client=True,
        retry=Retry(NoBackoff(), 0),
    )
    with closing(client):
        yield client
