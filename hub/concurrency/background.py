"""Loops: what a process does again and again for as long as it runs.

A loop that is written by hand has to get the same things right each time: one failure must not end it; failures in a
row must not flood the log or the part that fails; it must end when it is cancelled, although a library may swallow the
cancellation; whoever closes it must not wait for ever; something that happens must be able to wake it.
:class:`Background` does them once.
"""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable

from hub.concurrency.faults import is_everybodys
from hub.concurrency.tasks import CLOSE_TIMEOUT, stop
from hub.logs import get_logger

log = get_logger(__name__)

#: Does the work once. Returns the seconds until it is to be done again, or None for when :meth:`Background.wake` says.
Step = Callable[[], Awaitable[float | None]]

#: Gives the seconds before the next attempt after so many failures in a row.
Retry = Callable[[int], float]


def backoff(first: float, longest: float) -> Retry:
    """About ``first`` seconds after the first failure, twice as long after each further one, ``longest`` at most.

    Each pause is up to half shorter or longer, so that the processes do not try again at the same time.
    """

    def pause(failures: int) -> float:
        return min(first * 2.0 ** min(failures - 1, 30), longest) * random.uniform(0.5, 1.5)

    return pause


DEFAULT_RETRY = backoff(1.0, 30.0)


class Background:
    """Repeats ``step`` on the running event loop, from the first :meth:`wake` until :meth:`close`.

    The task has the name of the loop and ends while the step has nothing to do. A step that fails is tried again after
    a pause, which nothing shortens. Failures are counted in ``hub_loop_failures``; each kind of error is logged once
    until a step succeeds. A loop may be ended between two steps: what one step leaves open for the next is closed by
    the part that closes the loop.

    Args:
        name: of the loop.
        step: the work.
        event: what the log calls a failure.
        expected: errors that need no traceback, besides those of a database or network that is unavailable.
        retry: how long to wait after a failure.
    """

    def __init__(
        self,
        name: str,
        step: Step,
        *,
        event: str,
        expected: tuple[type[Exception], ...] = (),
        retry: Retry = DEFAULT_RETRY,
    ) -> None:
        self.name = name
        self._step = step
        self._event = event
        self._expected = expected
        self._retry = retry
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self._failures = 0
        self._logged: set[type[BaseException]] = set()

    @property
    def is_running(self) -> bool:
        """Whether a step is under way, or the next one has its time."""
        return self._task is not None and not self._task.done()

    def wake(self) -> None:
        """Take a step now: start the loop, or end its pause. A step that is under way is followed by another one.

        Does nothing after :meth:`cancel` or :meth:`close`.
        """
        if self._closed:
            return
        self._woken.set()
        if not self.is_running:
            self._task = asyncio.get_running_loop().create_task(self._run(), name=self.name)

    def cancel(self) -> None:
        """Stop for good, without waiting for the step that is under way."""
        self._closed = True
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()

    async def close(self, within: float = CLOSE_TIMEOUT) -> None:
        """Stop for good; returns when the step that is under way has ended, after ``within`` seconds at most."""
        self._closed = True
        if self._task is not None:
            await stop([self._task], within)

    async def _run(self) -> None:
        while not self._closed:
            self._woken.clear()
            pause = await self._attempt()
            if pause is None and not self._woken.is_set():
                return
            await self._rest(pause or 0.0)

    async def _attempt(self) -> float | None:
        """Take one step; returns the seconds until the next one. A failure is waited for here."""
        try:
            pause = await self._step()
        except asyncio.CancelledError as error:
            _end_if_cancelled()
            failure: BaseException = error  # something that the step waited for was cancelled, not this task
        except Exception as error:  # noqa: BLE001  # whatever it is, the loop goes on
            _end_if_cancelled()
            failure = error
        else:
            _end_if_cancelled()
            self._failures = 0
            self._logged.clear()
            return pause
        self._failures += 1
        self._report(failure)
        await asyncio.sleep(self._retry(self._failures))
        return 0.0

    def _report(self, failure: BaseException) -> None:
        for tell in _on_failure:
            tell(self.name)
        if type(failure) in self._logged:
            return
        self._logged.add(type(failure))
        kind = type(failure).__name__
        if isinstance(failure, self._expected) or is_everybodys(failure):
            log.warning(self._event, loop=self.name, error=kind)
        else:
            log.error(self._event, loop=self.name, error=kind, exc_info=failure)

    async def _rest(self, pause: float) -> None:
        """Wait ``pause`` seconds, or until the loop is woken; in any case let others run."""
        if pause <= 0 or self._woken.is_set():
            await asyncio.sleep(0)
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._woken.wait()


def _end_if_cancelled() -> None:
    """End the running task if it was cancelled, whatever became of the cancellation inside the step."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


_on_failure: list[Callable[[str], None]] = []


def on_failure(tell: Callable[[str], None]) -> None:
    """Call ``tell`` with the name of the loop for each step that fails. Called once, while modules load."""
    _on_failure.append(tell)
