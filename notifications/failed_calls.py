"""Rules that fail and calls that are refused, as rows that the staff see.

What says the same is one row, with how often and when last. A flood cannot fill the table, nor hide what others do: a
process writes the same thing once in :data:`EVERY`, and of one source no more than :data:`BURST` things in that time;
the table keeps the newest :data:`ROWS_OF_SOURCE` of each source, and :data:`ROWS` of all. Passwords and tokens in
texts are taken out.
"""

import time
from threading import Lock

from django.db import Error, transaction
from django.db.models import F
from django.db.models.functions import Now

from hub.database import in_database_thread, run_safely_on_commit
from hub.logs import get_logger, redact
from hub.users import User
from hub.validation import storable
from notifications import names_in_texts, sources
from notifications.models import FAILURE_LIMIT, FailedCall

log = get_logger(__name__)

#: Seconds of a window.
EVERY = 10.0

#: Rows that a process writes of one source in a window.
BURST = 10

#: Different things that a process counts.
KNOWN = 500

#: Rows that are kept, of one source and of all.
ROWS_OF_SOURCE, ROWS = 100, 1000

_Same = tuple[str, str, str]


class _Limiter:
    """How often each thing happened since it was written last, and whether it may be written now."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.forget()

    def forget(self) -> None:
        """Begin again."""
        #: How often it happened since it was written, and when that was.
        self._known: dict[_Same, tuple[int, float]] = {}
        #: By source: when its window ends, and how many may be written until then.
        self._windows: dict[str, tuple[float, int]] = {}

    def take(self, same: _Same) -> int:
        """Count it; returns how many times are to be written now, 0 for none."""
        now = time.monotonic()
        with self._lock:
            if len(self._known) >= KNOWN and same not in self._known:
                self._known.clear()
            if len(self._windows) >= KNOWN and same[0] not in self._windows:
                self._windows.clear()
            times, written_at = self._known.get(same, (0, float("-inf")))
            ends, left = self._windows.get(same[0], (0.0, 0))
            if now >= ends:
                ends, left = now + EVERY, BURST
            if not left or now - written_at < EVERY:
                self._known[same] = (times + 1, written_at)
                return 0
            self._windows[same[0]] = (ends, left - 1)
            self._known[same] = (0, now)
            return times + 1


_limiter = _Limiter()

#: Forgets what was counted: for tests.
forget = _limiter.forget


def note(source: str, what: str, error: Exception) -> None:
    """Note an error of a rule, after the commit of the open transaction; raises nothing."""
    same = _same(source, what, f"{type(error).__name__}: {error}")
    if times := _limiter.take(same):
        run_safely_on_commit(_store, same, times)


async def note_refused(method: str, key: int, text: str) -> None:
    """Note that a call of the HTTP API was refused."""
    same = _same(sources.written(sources.API_KEY, key), method, text)
    if times := _limiter.take(same):
        try:
            await in_database_thread(_store, same, times)
        except Error as error:
            log.warning("failed_call_not_noted", method=method, error=type(error).__name__)


def _same(source: str, what: str, text: str) -> _Same:
    return source, what[:150], redact(storable(text))[:FAILURE_LIMIT]


def _store(same: _Same, times: int) -> None:
    source, what, error = same
    rows = FailedCall.objects.filter(source=source, what=what, error=error)
    with transaction.atomic():
        if rows.update(times=F("times") + times, last_at=Now()):
            return
        FailedCall.objects.create(source=source, what=what, error=error, times=times)
        for kept, limit in ((FailedCall.objects.filter(source=source), ROWS_OF_SOURCE), (FailedCall.objects, ROWS)):
            beyond = kept.order_by("-pk").values_list("pk", flat=True)[limit : limit + 1].first()
            if beyond is not None:
                kept.filter(pk__lte=beyond).delete()


def forget_person(user: User) -> None:
    """Delete the rows whose texts name this person (:func:`notifications.names_in_texts.names`)."""
    is_named = names_in_texts.names(user)
    found = [pk for pk, error in FailedCall.objects.values_list("pk", "error") if is_named(error)]
    FailedCall.objects.filter(pk__in=found).delete()
