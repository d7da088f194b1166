"""How often something may be done: counts over all processes, in Redis, by the library ``limits``.

A limit is declared once, by the module that owns what it bounds; :func:`declared` lists them all, and
``docs/limits.md`` has a row for each. Whoever is over a limit gets :class:`TooMany`: a sentence, and the seconds until
it is worth trying again. While Redis is away each process counts for itself.

Not for the push path: a check is a round trip to Redis, in a thread that may wait.
"""

import hashlib
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from operator import methodcaller
from typing import TypeVar

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from limits import RateLimitItem, parse_many
from limits.errors import StorageError
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import RateLimiter, SlidingWindowCounterRateLimiter
from redis.backoff import NoBackoff
from redis.retry import Retry

from hub.config import NO_LIMIT, hub_settings
from hub.logs import get_logger
from hub.ops import metrics
from hub.validation.refused import Refused

log = get_logger(__name__)

T = TypeVar("T")

#: Seconds for which a process counts for itself after Redis did not answer, before it asks Redis again.
REDIS_PAUSE = 5.0


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit.

    Args:
        name: in keys, in the label of ``hub_refused_total``, in logs.
        setting: the field of :class:`hub.config.HubSettings` that holds the rates, such as ``10/minute; 100/day``.
        sentence: what the one who is refused reads, before the sentence that says when to try again.
    """

    name: str
    setting: str
    sentence: str | Promise

    @property
    def rates(self) -> list[RateLimitItem]:
        """The rates in force; none where the limit is switched off."""
        return list(_parsed(getattr(hub_settings(), self.setting)))


class TooMany(Refused):
    """Somebody is over a limit.

    Attributes:
        limit: which.
        retry_after: whole seconds, at least 1, before which another try is refused as well.
    """

    word = "limit_reached"
    code = 429

    def __init__(self, limit: Limit, retry_after: int) -> None:
        super().__init__(retry_after=retry_after)
        self.limit = limit

    @property
    def sentence(self) -> str:  # type: ignore[override]  # made when it is read
        """What to tell the one who is refused, in the language in force."""
        return f"{self.limit.sentence} {_wait(self.retry_after)}"


_declared: dict[str, Limit] = {}


def declare(name: str, *, setting: str, sentence: str | Promise) -> Limit:
    """Make a limit known; called once, at import, by the module that owns what it bounds. Returns it.

    Raises:
        ValueError: another limit has this name.
    """
    if name in _declared:
        raise ValueError(f"There are two limits called {name!r}.")
    limit = _declared[name] = Limit(name, setting, sentence)
    return limit


def declared() -> list[Limit]:
    """All limits of this process, by name."""
    return [_declared[name] for name in sorted(_declared)]


def take(limit: Limit, *who: object, cost: int = 1) -> None:
    """Count one try of ``who`` (ids, addresses, names; any text), or several.

    A try that is refused is not counted, so that going on does not make the wait longer.

    Raises:
        TooMany: that is more than the limit allows.
    """
    key, rates = _key(who), limit.rates
    for rate in rates[1:]:
        # Before the first one counts: what a later one refuses would have been counted.
        if not _ask(methodcaller("test", rate, limit.name, key, cost=cost)):
            raise _refusal(limit, rate, key)
    for rate in rates:
        if not _ask(methodcaller("hit", rate, limit.name, key, cost=cost)):
            raise _refusal(limit, rate, key)


def look(limit: Limit, *who: object) -> None:
    """Count nothing.

    Raises:
        TooMany: another :func:`take` for ``who`` would be refused.
    """
    key = _key(who)
    for rate in limit.rates:
        if not _ask(methodcaller("test", rate, limit.name, key)):
            raise _refusal(limit, rate, key)


def forget(limit: Limit, *who: object) -> None:
    """Count as if ``who`` had done nothing yet."""
    key = _key(who)
    for rate in limit.rates:
        _ask(methodcaller("clear", rate, limit.name, key))


def count_refusal(name: str) -> None:
    """Count in ``hub_refused_total`` that somebody was refused by a bound which this module does not hold."""
    metrics.REFUSED.labels(name).inc()


def _refusal(limit: Limit, rate: RateLimitItem, key: str) -> TooMany:
    count_refusal(limit.name)
    reset_at = _ask(lambda limiter: limiter.get_window_stats(rate, limit.name, key)).reset_time
    seconds = max(1, math.ceil(reset_at - time.time()))
    log.info("limit_reached", limit=limit.name, retry_after=seconds)
    return TooMany(limit, seconds)


def _key(who: tuple[object, ...]) -> str:
    """Of bounded length and alphabet whatever somebody typed, and without it: Redis and its dumps hold no names."""
    return hashlib.sha256("\0".join(map(str, who)).encode("utf-8", "backslashreplace")).hexdigest()[:32]


@lru_cache(maxsize=256)
def _parsed(rates: str) -> tuple[RateLimitItem, ...]:
    return () if rates in NO_LIMIT else tuple(parse_many(rates))


def _wait(seconds: int) -> str:
    if seconds < 90:
        return ngettext("Try again in %(count)d second.", "Try again in %(count)d seconds.", seconds) % {
            "count": seconds
        }
    if seconds < 90 * 60:
        minutes = math.ceil(seconds / 60)
        return ngettext("Try again in %(count)d minute.", "Try again in %(count)d minutes.", minutes) % {
            "count": minutes
        }
    if seconds < 36 * 3600:
        hours = math.ceil(seconds / 3600)
        return ngettext("Try again in %(count)d hour.", "Try again in %(count)d hours.", hours) % {"count": hours}
    return _("Try again in some days.")


class _Counters:
    """The counts of this process's Redis and, while that is away, of the process."""

    def __init__(self, shared: RateLimiter) -> None:
        self._shared = shared
        self._own = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._away_until = 0.0

    def ask(self, question: Callable[[RateLimiter], T]) -> T:
        if time.monotonic() >= self._away_until:
            try:
                return question(self._shared)
            except StorageError as error:
                self._away_until = time.monotonic() + REDIS_PAUSE
                log.warning("limits_counted_here", error=type(error.__cause__).__name__)
        return question(self._own)


def _in_redis() -> RateLimiter:
    timeout = hub_settings().redis_timeout
    return SlidingWindowCounterRateLimiter(
        RedisStorage(
            hub_settings().redis_url,
            key_prefix=f"{hub_settings().redis_prefix}:limits",
            wrap_exceptions=True,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            retry=Retry(NoBackoff(), 0),  # type: ignore[arg-type]  # passed on to redis-py
        )
    )


_counters: _Counters | None = None
_lock = threading.Lock()


@contextmanager
def counted_apart() -> Iterator[None]:
    """For :mod:`hub.testing`: count in this block from nothing, and in this process alone."""
    global _counters
    before, _counters = _counters, _Counters(SlidingWindowCounterRateLimiter(MemoryStorage()))
    try:
        yield
    finally:
        _counters = before


def _ask(question: Callable[[RateLimiter], T]) -> T:
    global _counters
    with _lock:
        if _counters is None:
            _counters = _Counters(_in_redis())
        counters = _counters
    return counters.ask(question)
