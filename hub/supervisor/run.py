"""Starts all parts, says when they are ready, keeps them running, and stops them."""

import asyncio
import contextlib
import signal
import socket
from dataclasses import replace
from typing import Any, TypeVar

from hub.concurrency.daemon_threads import in_daemon_thread
from hub.config import UnusableEnvironment, derived, hub_settings
from hub.supervisor import database, plan, private_redis, probes, readiness
from hub.supervisor.leftovers import MARK, RunRecord
from hub.supervisor.output import Output
from hub.supervisor.part import KeptPart, Part
from hub.supervisor.workers import workers

#: Seconds that the parts get to stop, and Redis after them, before they are killed: together below ten.
STOP_TIMEOUT, REDIS_STOP_TIMEOUT = 6.0, 2.0

#: Seconds in which a private Redis has to answer, after loading its data.
REDIS_START_TIMEOUT = 30.0

#: Seconds between two looks at what is not ready yet, and between two lines that say what it is.
READY_POLL, READY_REMINDER = 0.1, 15.0

#: The name before the supervisor's own lines.
OWN = "hub"

T = TypeVar("T")


class _ToldToStop(Exception):
    """A signal came while the hub was starting."""


class Supervisor:
    """One run of all parts, from start to stop."""

    def __init__(self, chosen: plan.Plan) -> None:
        self._plan = chosen
        self._told_to_stop = asyncio.Event()
        self._parts: list[KeptPart] = []
        self._redis: KeptPart | None = None
        self._sockets: list[socket.socket] = []

    async def run(self) -> None:
        """Run until SIGINT, SIGTERM or SIGHUP, then stop everything; a second signal kills everything.

        Raises ``UnusableEnvironment`` where something that the parts need cannot be had; nothing runs then.
        """
        self._running = RunRecord(self._plan.run_folder, self._say)
        parts = ["redis", *self._plan.web_names, *(worker.name for worker in workers()), "beat"]
        self._output = Output(self._plan.folder / "logs", [OWN, *parts])
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._on_signal)
        try:
            await self._start()
            await self._told_to_stop.wait()
        except _ToldToStop:
            pass
        finally:
            await self._stop()

    def _say(self, text: str) -> None:
        self._output.line(OWN, text)

    def _on_signal(self) -> None:
        if not self._told_to_stop.is_set():
            self._told_to_stop.set()
            self._say("Stopping … (once more to kill)")
            return
        for kept in self._all():
            kept.kill()

    def _all(self) -> list[KeptPart]:
        return [*self._parts, *([self._redis] if self._redis else [])]

    async def _start(self) -> None:
        if tightened := self._plan.tightened:
            self._say(
                f"Other users of this machine had access to {tightened} files and folders in {self._plan.folder}: "
                "they have none any more."
            )
        ended = await self._unless_stopped(in_daemon_thread(self._running.end_leftovers, name="leftovers"))
        if ended:
            self._say(f"Ended what an earlier run left behind: {', '.join(ended)}")
        listener = plan.listen(self._plan)
        self._sockets.append(listener)
        variables = plan.part_environment(self._plan, {MARK: self._running.mark})
        await self._start_redis(variables)
        prepared = await self._unless_stopped(in_daemon_thread(database.prepare, name="prepare"))
        for line in prepared.lines:
            self._say(line)
        try:
            await self._start_parts(variables, listener)
        finally:  # a start that fails has made the administrator all the same
            if prepared.password is not None:
                who = f"Log in as {database.ADMINISTRATOR!r} with the password"
                self._output.secret(OWN, f"{who} {prepared.password} (shown only this once)")
        self._output.terminal(f"Hub is ready at {self._plan.url}")

    async def _start_parts(self, variables: dict[str, str], listener: socket.socket) -> None:
        sockets = [plan.probe_socket() for _ in self._plan.web_names]
        self._sockets += sockets
        ports = {name: own.getsockname()[1] for name, own in zip(self._plan.web_names, sockets, strict=True)}
        for part in plan.web_parts(self._plan, variables, listener, sockets):
            self._parts.append(self._keep(replace(part, life=probes.of_web(ports[part.name]))))
        for part in plan.celery_parts(self._plan, variables):
            self._parts.append(self._keep(replace(part, life=probes.of_file(self._plan.run_folder, part.name))))
        await self._unless_stopped(asyncio.ensure_future(self._until_ready(ports)))

    def _keep(self, part: Part) -> KeptPart:
        kept = KeptPart(part, self._output, self._running, self._say)
        kept.start()
        return kept

    async def _start_redis(self, variables: dict[str, str]) -> None:
        if not derived.has_private_redis(given := hub_settings()):
            await self._unless_stopped(asyncio.ensure_future(private_redis.check_external(given.redis_url)))
            return
        part = await private_redis.prepare(self._plan.folder, variables)
        self._redis = self._keep(part)
        await self._unless_stopped(asyncio.ensure_future(self._until_redis_answers()))

    async def _until_redis_answers(self) -> None:
        try:
            async with asyncio.timeout(REDIS_START_TIMEOUT):
                while True:
                    with contextlib.suppress(private_redis.RedisDoesNotAnswer):
                        return await private_redis.ping(hub_settings().redis_url)
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise UnusableEnvironment(
                f"The private Redis does not answer: its reasons are in {self._plan.folder / 'logs' / 'redis.log'}."
            ) from None

    async def _until_ready(self, ports: dict[str, int]) -> None:
        clock = asyncio.get_running_loop().time
        reminder = clock() + READY_REMINDER
        while waiting := await readiness.missing(ports):
            if clock() > reminder:
                self._say(f"Still waiting for {', '.join(waiting)}")
                reminder = clock() + READY_REMINDER
            await asyncio.sleep(READY_POLL)
        # The line that says so is to be the last one of the start.
        await self._output.quiet(seconds=0.15, at_most=1.0)

    async def _unless_stopped(self, work: "asyncio.Future[T]") -> T:
        """What ``work`` gives; raises ``_ToldToStop`` as soon as a signal says so."""
        stop = asyncio.ensure_future(self._told_to_stop.wait())
        try:
            either: list[asyncio.Future[Any]] = [work, stop]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                return work.result()
            work.cancel()
            raise _ToldToStop
        finally:
            stop.cancel()

    async def _stop(self) -> None:
        for listener in self._sockets:
            listener.close()
        await asyncio.gather(*(kept.stop(within=STOP_TIMEOUT) for kept in self._parts))
        # Last, because the others say good-bye to it.
        if self._redis is not None:
            await self._redis.stop(within=REDIS_STOP_TIMEOUT)
            with contextlib.suppress(OSError):
                private_redis.remove_socket(self._plan.folder)
        self._running.close()
        self._output.close()


def run(chosen: plan.Plan) -> None:
    """Run the hub by this plan until it is told to stop. Raises ``UnusableEnvironment``."""
    asyncio.run(_run(chosen))


async def _run(chosen: plan.Plan) -> None:
    await Supervisor(chosen).run()
