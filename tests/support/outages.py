"""What a process remembers of a Redis that was away, which is there again for the next test."""

from hub.bus import announcer
from hub.limits import rates
from worker import sending

#: A moment before all others on the clock of a process.
NEVER = float("-inf")


def forget() -> None:
    """Have this process take Redis for one that is there, and count from nothing what it has counted by itself."""
    try_the_broker_again()
    if announcer._of_thread is not None:
        announcer._of_thread._paused_until = NEVER
    if rates._counters is not None and rates._counters._away_until:
        rates._counters = None


def takes_the_broker_for_away() -> bool:
    """Whether this process does not try to send for a moment."""
    return sending._away_until != NEVER


def try_the_broker_again() -> None:
    """Let the next job be sent at once, whatever became of the last one."""
    sending._away_until = NEVER
