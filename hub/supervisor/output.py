"""The lines of all parts: to the terminal with the part's name before each, and to a file for each part."""

import asyncio
import contextlib
import logging
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path

from hub.logs.redaction import redact

#: Bytes of one log file before it is set aside, and how many of those are kept.
FILE_SIZE = 5 * 1024 * 1024
FILES_KEPT = 3

#: Bytes after which a line without an end is broken.
LINE_LIMIT = 64 * 1024

#: Terminal colours of the names, given in turn.
_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92)


class _File(RotatingFileHandler):
    """A log file. What a full disk does not take is lost there; the terminal has it."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # logging's name
        """Say nothing: the library would write a traceback for each line."""

    def close(self) -> None:
        """Close it; lines that it still held may be lost."""
        with contextlib.suppress(OSError):
            super().close()


class Output:
    """Where lines go. ``folder`` gets one file a part; secrets are taken out once more on the way."""

    def __init__(self, folder: Path, names: list[str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._width = max(map(len, names))
        self._colours = {name: _COLOURS[i % len(_COLOURS)] for i, name in enumerate(names)}
        self._coloured = sys.stdout.isatty()
        self._files: dict[str, _File] = {}
        for name in names:
            file = _File(
                folder / f"{name}.log", maxBytes=FILE_SIZE, backupCount=FILES_KEPT, encoding="utf-8", delay=True
            )
            file.setFormatter(logging.Formatter("%(message)s"))
            self._files[name] = file
        self._last_line_at = 0.0

    def line(self, name: str, text: str) -> None:
        """Write one line of the part ``name`` to the terminal and to its file."""
        text = redact(text)
        self._files[name].emit(logging.makeLogRecord({"msg": text}))
        self.terminal(f"{self._prefix(name)} {text}")

    def terminal(self, text: str) -> None:
        """Write ``text`` as it is, and to the terminal only: what is written so is in no file."""
        # Whoever read the terminal may be gone, and a file in its place full; the log files have it.
        with contextlib.suppress(OSError, ValueError):
            print(text, flush=True)  # noqa: T201  # this is the terminal's owner

    def secret(self, name: str, text: str) -> None:
        """A line with a secret that a person has to read once: to the terminal only, as it is."""
        self.terminal(f"{self._prefix(name)} {text}")

    async def follow(self, name: str, stream: asyncio.StreamReader) -> None:
        """Write the lines of ``stream`` as they come, until it ends. Empty lines are left out."""
        rest = b""
        while chunk := await stream.read(LINE_LIMIT):
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > LINE_LIMIT:
                lines, rest = [*lines, rest], b""
            self._last_line_at = asyncio.get_running_loop().time()
            self._lines(name, lines)
        self._lines(name, [rest])

    async def quiet(self, *, seconds: float, at_most: float) -> None:
        """Return once no part has written for ``seconds``, or after ``at_most`` seconds."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + at_most
        self._last_line_at = max(self._last_line_at, clock())
        while clock() < min(deadline, self._last_line_at + seconds):
            await asyncio.sleep(0.02)

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            file.close()

    def _lines(self, name: str, lines: list[bytes]) -> None:
        for line in lines:
            if text := line.decode(errors="replace").rstrip():
                self.line(name, text)

    def _prefix(self, name: str) -> str:
        padded = f"{name:<{self._width}} |"
        return f"\x1b[{self._colours[name]}m{padded}\x1b[0m" if self._coloured else padded
