"""File descriptors: each connection takes one. A process that has none left can open neither a database nor a log."""

import contextlib
import functools
import math
import os
import resource
import time

from hub import limits
from hub.logs import get_logger
from hub.ops import gauges

log = get_logger(__name__)

#: What the soft limit is raised to at most: some programs go through all numbers below it.
MOST = 2**20

#: Descriptors that clients leave to databases, Redis, logs: so many, and this part of all of them at least.
KEPT, KEPT_PART = 32, 8

#: Seconds between two lines in the log that say the same.
PAUSE = 10.0

_last_said = float("-inf")


def raise_limit() -> int:
    """Raise this process's soft limit of open files to the hard one, for it and all that it starts; returns it.

    Shells and service managers start programs with a soft limit of 1,024, which is meant for those that wait by
    ``select()``. Called at the start of every part of the hub.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST if hard == resource.RLIM_INFINITY else min(hard, MOST)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):  # a kernel that allows less than it says
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    most_connections.cache_clear()
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def are_left_for(connections: int) -> bool:
    """Whether clients may have so many connections. Where not, it is counted and said in the log."""
    if connections <= most_connections():
        return True
    _none_left(connections)
    return False


@functools.cache  # asked for each connection, and nobody changes it while the process runs
def most_connections() -> float:
    """How many connections clients may have; the rest of the descriptors is for the process itself."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return math.inf if limit == resource.RLIM_INFINITY else limit - max(KEPT, limit // KEPT_PART)


def _look() -> None:
    """Find out whether the process can still open anything: of a connection that it cannot take it hears nothing."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        _none_left(None)


gauges.sample(_look)


def _none_left(connections: int | None) -> None:
    global _last_said
    limits.count_refusal("descriptors")
    if time.monotonic() - _last_said >= PAUSE:
        _last_said = time.monotonic()
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        log.error("no_descriptors_left", limit=limit, connections=connections)
