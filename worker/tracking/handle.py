"""What the function of a job gets as its first argument: it says how far it is, and hears that it is to stop.

All of it is in memory: a call takes about a microsecond. ``worker.tracking.reporter`` looks at it a few times
a second.
"""

import math
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sized
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from celery.exceptions import Ignore

from notifications.safe_urls import URL_LIMIT, is_safe_url
from worker.events import bounded
from worker.jobs import shortened

T = TypeVar("T")

#: Lines of a log that are kept, and characters of a line, of the text beside the bar, and of a result.
LOG_LINES: Final = 200
LINE_LIMIT, TEXT_LIMIT, RESULT_LIMIT = 500, 200, 1000


class JobCancelled(Ignore):
    """Somebody has cancelled the job. A transaction that is open in its function is rolled back, as by any error."""


class JobTimedOut(Exception):
    """The job has run for longer than its ``timeout``."""


class JobHandle:
    """A job that runs, for its own function. May be used from several threads."""

    __slots__ = (
        "_asked_to_stop",
        "_deadline",
        "_new_lines",
        "_version",
        "done",
        "id",
        "lines",
        "result_text",
        "result_url",
        "seconds",
        "task",
        "text",
        "total",
    )

    def __init__(self, id: str, task: Any = None, seconds: float | None = None) -> None:  # noqa: A002  # as the column is called
        #: The id of the task: as a key of an alert, or for calls to others, it makes a second run harmless.
        self.id = id
        #: The task of Celery, for ``job.task.retry(…)``.
        self.task = task
        self.seconds = seconds
        self.done: float | None = None
        self.total: float | None = None
        self.text = ""
        self.result_text = self.result_url = ""
        self.lines: deque[tuple[str, str]] = deque(maxlen=LOG_LINES)
        self._new_lines: deque[tuple[str, str]] = deque(maxlen=LOG_LINES)
        self._version = 0
        self._asked_to_stop = False
        self._deadline = math.inf if seconds is None else time.monotonic() + seconds

    def progress(self, done: float | None = None, total: float | None = None, text: str | None = None) -> None:
        """Say how far it is: ``job.progress(512, 1000, "row 512")``. What is left out stays as it was.

        Takes about a microsecond. At most five a second go out, and the last one always does.

        Raises:
            JobCancelled, JobTimedOut: as :meth:`check`.
            TypeError, ValueError, OverflowError: ``done`` or ``total`` is no number.
        """
        if done is not None:
            self.done = float(done)
        if total is not None:
            self.total = float(total)
        if text is not None:
            self.text = str(text)
        self._version += 1
        self.check()

    def track(self, items: Iterable[T], total: float | None = None, text: str | None = None) -> Iterator[T]:
        """Go through ``items``, and say how far it is: ``for row in job.track(rows)``.

        ``total`` is the length of ``items`` where they have one. An item is done when the next one is asked for.
        """
        known: float | None = total
        if known is None and isinstance(items, Sized):
            known = len(items)
        self.progress(0, known, text)
        for number, item in enumerate(items, 1):
            yield item
            self.progress(number)

    def log(self, text: str) -> None:
        """Add a line that people see under the job. The newest 200 are kept."""
        line = datetime.now(UTC).isoformat(timespec="milliseconds"), shortened(str(text), LINE_LIMIT)
        self.lines.append(line)
        self._new_lines.append(line)
        self._version += 1

    def result(self, *, url: str = "", text: str = "") -> None:
        """Say what came of it: a text, a link, or both. Shown when the job has succeeded.

        Raises:
            ValueError: ``url`` is neither a path of this site nor an address of http.
        """
        if url and not is_safe_url(url):
            raise ValueError(
                f"The link to a result is a path or an address of http, of {URL_LIMIT} characters at most."
            )
        self.result_url, self.result_text = url, shortened(str(text), RESULT_LIMIT)

    def check(self) -> None:
        """Raise where the job is to stop: between steps for which there is nothing else to say.

        Raises:
            JobCancelled: somebody has cancelled it, two seconds ago at most.
            JobTimedOut: it has run for too long.
        """
        if self._asked_to_stop:
            raise JobCancelled("The job was cancelled.")
        if time.monotonic() > self._deadline:
            raise JobTimedOut(f"It took longer than {self.seconds:g} seconds.")

    def stop(self) -> None:
        """Have the next :meth:`check` raise :class:`JobCancelled`."""
        self._asked_to_stop = True

    @property
    def is_stopped(self) -> bool:
        """Whether it was told to stop."""
        return self._asked_to_stop

    @property
    def version(self) -> int:
        """Another number after each call that has changed something."""
        return self._version

    def take_new_lines(self) -> list[tuple[str, str]]:
        """The lines that were added since the last call, each with its time."""
        lines = []
        while self._new_lines:
            lines.append(self._new_lines.popleft())
        return lines

    def columns(self) -> dict[str, Any]:
        """How far it is, as its row has it."""
        return {
            "done": bounded(self.done),
            "total": bounded(self.total),
            "text": shortened(str(self.text), TEXT_LIMIT),
            "log": [list(line) for line in self.lines.copy()],
        }
