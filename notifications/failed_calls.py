"""Rules that fail and calls that are refused, as rows that the staff see.

What says the same is one row, with how often and when last. A flood cannot fill the table: a process writes the same
thing once in :data:`EVERY`, no more than :data:`BURST` things in that time, and the table keeps the newest
:data:`ROWS`.
"""

import time
from functools import partial
from threading import Lock

from django.db import Error, transaction
from django.db.models import F
from django.db.models.functions import Now

from hub.database import in_database_thread
from hub.logs import get_logger
from notifications import sources
from notifications.models import FAILURE_LIMIT, FailedCall

log = get_logger(__name__)

#: Seconds of a window.
EVERY = 10.0

#: Rows that a process writes in a window.
BURST = 10

#: Different things that a process counts.
KNOWN = 500

#: Rows that are kept.
ROWS = 1000

_Same = tuple[str, str, str]


class _Limiter:
    """How often each thing happened since it was written last, and whether it may be written now."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.forget()

    def forget(self) -> None:
        """Begin again."""
        self._since: dict[_Same, int] = {}
        self._written_at: dict[_Same, float] = {}
        self._ends, self._left = 0.0, BURST

    def take(self, same: _Same) -> int:
        """Count it; returns how many times are to be written now, 0 for none."""
        now = time.monotonic()
        with self._lock:
            if len(self._since) >= KNOWN and same not in self._since:
                self._since.clear()
                self._written_at.clear()
            self._since[same] = self._since.get(same, 0) + 1
            if now >= self._ends:
                self._ends, self._left = now + EVERY, BURST
            if not self._left or now - self._written_at.get(same, float("-inf")) < EVERY:
                return 0
            self._left -= 1
            self._written_at[same] = now
            return self._since.pop(same)


_limiter = _Limiter()

#: Forgets what was counted: for tests.
forget = _limiter.forget


def note(source: str, what: str, error: Exception) -> None:
    """Note an error of a rule, after the commit of the open transaction; raises nothing."""
    same = _same(source, what, f"{type(error).__name__}: {error}")
    if times := _limiter.take(same):
        transaction.on_commit(partial(_store, same, times), robust=True)


async def note_refused(method: str, key: int, text: str) -> None:
    """Note that a call of the HTTP API was refused."""
    same = _same(sources.written(sources.API_KEY, key), method, text)
    if times := _limiter.take(same):
        try:
            await in_database_thread(_store, same, times)
        except Error as error:
            log.warning("failed_call_not_noted", method=method, error=type(error).__name__)


def _same(source: str, what: str, text: str) -> _Same:
    return source, what[:150], text.replace("\0", "")[:FAILURE_LIMIT]


def _store(same: _Same, times: int) -> None:
    source, what, error = same
    rows = FailedCall.objects.filter(source=source, what=what, error=error)
    with transaction.atomic():
        if rows.update(times=F("times") + times, last_at=Now()):
            return
        FailedCall.objects.create(source=source, what=what, error=error, times=times)
        beyond = FailedCall.objects.order_by("-pk").values_list("pk", flat=True)[ROWS : ROWS + 1].first()
        if beyond is not None:
            FailedCall.objects.filter(pk__lte=beyond).delete()
