"""One part of the hub: a program that is kept running until it is told to stop."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hub.supervisor import liveness, processes
from hub.supervisor.leftovers import RunRecord
from hub.supervisor.liveness import Life
from hub.supervisor.output import Output

#: Seconds before a part that died is started again: the first time, and at most.
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0

#: Seconds after which a part counts as having worked, so that the next pause is the first one again.
STEADY_AFTER = 30.0

#: Seconds to read what a part that ended had still written.
LAST_WORDS = 1.0

_CHILD = Path(__file__).with_name("child.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What a part is: its name, its program, and what it needs to run."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    #: File descriptors that the program inherits.
    descriptors: Sequence[int] = ()
    #: Asks it to end in an orderly way.
    stop_signal: signal.Signals = signal.SIGTERM
    #: Called with the number of each process of it that has ended.
    on_end: Callable[[int], None] = lambda pid: None
    #: How it shows that it works; None where only its end is seen.
    life: Life | None = None


class KeptPart:
    """A part that runs, and is started again when it ends by itself, or is ended because it hangs.

    What fails here, such as a record that a full disk does not take, ends neither the part nor the keeping of it.
    """

    def __init__(self, part: Part, output: Output, running: RunRecord, say: Callable[[str], None]) -> None:
        self.part = part
        self._output = output
        self._running = running
        self._say = say
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        #: Whether the process was ended because it hung.
        self._hung = False

    def start(self) -> None:
        """Start it, and keep it running. Returns at once."""
        self._task = asyncio.create_task(self._keep(), name=self.part.name)

    def runs(self) -> bool:
        """Whether a process of it runs now."""
        return self._process is not None and self._process.returncode is None

    async def stop(self, *, within: float) -> None:
        """Ask it to end, kill it after ``within`` seconds; returns when all its processes have ended."""
        self._stopping.set()
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(self.part.stop_signal)
        if self._task is None:
            return
        done, _ = await asyncio.wait([self._task], timeout=within)
        if not done:
            self._say(f"{self.part.name} did not stop within {within:g} s and is killed")
            self.kill()
        await self._task

    def kill(self) -> None:
        """End all its processes at once, and do not start it again."""
        self._stopping.set()
        if self._process is not None and self._process.returncode is None:
            processes.kill_group(self._process.pid, signal.SIGKILL)

    async def _keep(self) -> None:
        clock = asyncio.get_running_loop().time
        pause = FIRST_PAUSE
        while not self._stopping.is_set():
            started = clock()
            self._hung = False
            try:
                how = _how_it_ended(await self._run())
            except Exception as error:  # noqa: BLE001  # no process, no memory, no descriptor: the next try may have it
                how = f"could not be started ({type(error).__name__}: {error})"
            if self._stopping.is_set():
                return
            if clock() - started > STEADY_AFTER and not self._hung:
                pause = FIRST_PAUSE
            self._say(f"{self.part.name} {how} and is started again in {pause:g} s")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._stopping.wait()
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _run(self) -> int:
        """Start it and wait for its end; returns its exit code."""
        read_end, write_end = os.pipe()
        try:
            process = await self._start(write_end)
        except BaseException:
            os.close(read_end)
            raise
        finally:
            os.close(write_end)
        self._process = process
        self._running.add(self.part.name, process.pid)
        if self._stopping.is_set():  # told to stop while it was being started
            processes.kill_group(process.pid, signal.SIGKILL)
        following = asyncio.create_task(self._follow(read_end))
        watching = asyncio.create_task(self._end_if_it_hangs(process.pid))
        code = await process.wait()
        watching.cancel()
        # What it started may have outlived it, and would hold on to its output, or do its work a second time.
        processes.kill_group(process.pid, signal.SIGKILL)
        await asyncio.wait([following], timeout=LAST_WORDS)
        following.cancel()
        self._running.remove(self.part.name)
        try:
            self.part.on_end(process.pid)
        except OSError as error:
            self._say(f"What {self.part.name} left could not be tidied up: {error.strerror}")
        return code

    async def _start(self, output: int) -> asyncio.subprocess.Process:
        part = self.part
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(_CHILD), str(os.getpid())),
            *part.command,
            stdin=asyncio.subprocess.DEVNULL,
            # Not asyncio's PIPE: with that the end of the process is only seen when all who inherited it, such as the
            # children of a killed worker, have ended too.
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
            env=dict(part.environment),
            pass_fds=tuple(part.descriptors),
            # A group of its own: Ctrl-C in the terminal reaches the supervisor only, and a part is killed with all
            # that it started.
            start_new_session=True,
        )

    async def _end_if_it_hangs(self, pid: int) -> None:
        if self.part.life is None:
            return
        silent = await liveness.hangs(self.part.life)
        if not self._stopping.is_set():
            self._hung = True
            self._say(f"{self.part.name} has shown no life for {silent:.0f} s and is replaced")
            # What hangs, or was stopped, heeds no other signal.
            processes.kill_group(pid, signal.SIGKILL)

    async def _follow(self, descriptor: int) -> None:
        stream = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(descriptor, "rb", buffering=0)
        )
        try:
            await self._output.follow(self.part.name, stream)
        finally:
            transport.close()


def _how_it_ended(code: int) -> str:
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"
