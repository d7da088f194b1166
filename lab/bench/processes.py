"""Processes that the bench starts, pins to a core, talks to and ends by their number."""

import asyncio
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lab.bench import machine
from lab.harness.environment import BASE_DIR, ending_with_us

START_TIMEOUT, ANSWER_TIMEOUT, STOP_TIMEOUT = 60.0, 120.0, 15.0


class ProcessFailed(RuntimeError):
    """A process ended, or did not answer in time; the text has the end of its log."""


class Process:
    """One program, started on ``core``; its output goes to ``log``.

    Args:
        descriptors: file descriptors of listening sockets that it inherits.
        talks: its standard input and output are pipes for :meth:`ask`.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        core: set[int],
        log: Path,
        environment: Mapping[str, str],
        descriptors: Sequence[int] = (),
        talks: bool = False,
    ) -> None:
        self.log = log
        self._busy = asyncio.Lock()
        with machine.on(core), log.open("ab") as output:
            self._process = subprocess.Popen(
                ending_with_us(list(command)),
                cwd=BASE_DIR,
                env=dict(environment),
                pass_fds=descriptors,
                stdin=subprocess.PIPE if talks else subprocess.DEVNULL,
                stdout=subprocess.PIPE if talks else output,
                stderr=output,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    async def ask(self, do: str, **arguments: Any) -> Any:
        """Send one command and return what the process answers.

        Raises:
            ProcessFailed: it ended, or the command failed there.
            TimeoutError: no answer within :data:`ANSWER_TIMEOUT` seconds.
        """
        line = json.dumps({"do": do, **arguments}).encode() + b"\n"
        async with self._busy, asyncio.timeout(ANSWER_TIMEOUT):
            line = await asyncio.get_running_loop().run_in_executor(None, self._exchange, line)
        if not line:
            raise ProcessFailed(f"A process ended while it was asked to {do}:\n{self.tail()}")
        answer = json.loads(line)
        if "error" in answer:
            raise ProcessFailed(f"{do}: {answer['error']}")
        return answer["result"]

    def _exchange(self, line: bytes) -> bytes:
        if self._process.stdin is None or self._process.stdout is None:
            raise ProcessFailed("This process was not started to be talked to.")
        self._process.stdin.write(line)
        self._process.stdin.flush()
        answer: bytes = self._process.stdout.readline()
        return answer

    def check(self) -> None:
        """Raise ``ProcessFailed`` if it has ended."""
        if self._process.poll() is not None:
            raise ProcessFailed(f"A process ended with {self._process.returncode}:\n{self.tail()}")

    def stop(self) -> None:
        """End it: politely, then by force. Harmless when it has ended."""
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                if pipe:
                    pipe.close()
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def tail(self) -> str:
        """The last lines of its log."""
        return tail(self.log)


def tail(log: Path) -> str:
    """The last lines of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-30:])


async def until(condition: Callable[[], Awaitable[bool]], process: Process) -> None:
    """Wait until ``condition`` holds. Raises ``ProcessFailed`` when ``process`` ends first or it takes too long."""
    deadline = time.monotonic() + START_TIMEOUT
    while not await condition():
        process.check()
        if time.monotonic() > deadline:
            raise ProcessFailed(f"Not ready within {START_TIMEOUT:g} s:\n{process.tail()}")
        await asyncio.sleep(0.02)


async def accepts(host: str, port: int) -> bool:
    """Whether somebody listens there."""
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    return True


def answer_commands(commands: Mapping[str, Callable[..., Any]]) -> None:
    """The far end of :meth:`Process.ask`: a line of JSON in, a line of JSON out, until standard input ends."""
    answers, sys.stdout = sys.stdout, sys.stderr  # something that prints must not garble the answers
    for line in sys.stdin:
        arguments = json.loads(line)
        try:
            answer = {"result": commands[arguments.pop("do")](**arguments)}
        except Exception as error:  # noqa: BLE001  # it is told to the other end, whatever it is
            answer = {"error": repr(error)}
        print(json.dumps(answer), file=answers, flush=True)
