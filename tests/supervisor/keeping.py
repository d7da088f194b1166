"""A part that the supervisor keeps running, in the process of a test."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hub.supervisor.leftovers import MARK, RunRecord
from hub.supervisor.output import Output
from hub.supervisor.part import KeptPart, Part

#: What the environment of such a part has as its mark.
OF_THE_TEST = "of the test"

WAIT = "import signal; print('up', flush=True); signal.pause()"


class Kept:
    """A ``KeptPart`` that runs Python code, and what it said.

    Args:
        folder: for its log and its record.
        code: what it runs, with ``arguments``.
        options: of :class:`hub.supervisor.part.Part`.
    """

    def __init__(self, folder: Path, code: str, *arguments: str, **options: Any) -> None:
        self.said: list[str] = []
        self.running = RunRecord(folder, self.said.append)
        self.output = Output(folder / "logs", ["part"])
        command = [sys.executable, "-c", code, *arguments]
        described = Part(name="part", command=command, environment={**os.environ, MARK: OF_THE_TEST}, **options)
        self.kept = KeptPart(described, self.output, self.running, self.said.append)
        self.log = folder / "logs" / "part.log"

    @property
    def pid(self) -> int:
        process = self.kept._process
        assert process is not None
        return process.pid

    def lines(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []

    def replaced(self) -> bool:
        return any("is replaced" in line for line in self.said)

    async def close(self) -> None:
        self.kept.kill()
        await self.kept.stop(within=5)
        self.output.close()
        self.running.close()


Keep = Callable[..., Kept]
