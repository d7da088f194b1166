"""Environment variables as they were meant: from files without the line end that editors add, never half-read.

Each variable may be given as ``NAME``, or as ``NAME_FILE``, the path of a file that holds it (which comes first).
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import environ

#: Bytes that a file of one variable may have.
FILE_LIMIT = 1024 * 1024


class UnusableEnvironment(Exception):
    """A variable, or what it names, cannot be used. The text is one sentence that says which and what to do."""


class Variables(Mapping[str, str]):
    """The variables of this process. Raises ``UnusableEnvironment`` for one that cannot be meant as it is.

    One line end of a file is not part of the value: ``echo secret > file`` writes one. All else is.
    """

    def __getitem__(self, name: str) -> str:
        path = os.environ.get(f"{name}_FILE")
        value = _read(f"{name}_FILE", Path(path)) if path else os.environ[name]
        if "\r" in value:
            raise UnusableEnvironment(
                f"{name} has a carriage return in it: save the file that sets it with the line ends of Unix (LF)."
            )
        return value

    def __iter__(self) -> Iterator[str]:
        yield from dict.fromkeys([*os.environ, *(name.removesuffix("_FILE") for name in os.environ)])

    def __len__(self) -> int:
        return len(list(iter(self)))


class Environment(environ.Env):  # type: ignore[misc]  # the library has no types
    """django-environ's reader over :class:`Variables`, which takes values as they are.

    The library takes what begins with ``$`` for the name of another variable, and passwords may begin so.
    """

    ENVIRON = Variables()

    def get_value(self, var: str, cast: Any = None, default: Any = None, parse_default: bool = False) -> Any:
        """The variable ``var`` through ``cast``; ``default`` as it is where it is not set."""
        try:
            text = self.ENVIRON[var]
        except KeyError:
            return default
        return self.parse_value(text, cast)

    def list(self, var: str, cast: Any = None, default: Any = None) -> Any:
        """The parts of ``var`` between commas, without blanks around them; ``default`` where it is not set."""
        text = self.get_value(var)
        return default if text is None else [part.strip() for part in text.split(",") if part.strip()]


def _read(name: str, path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(FILE_LIMIT + 1)
        text = data.decode("utf-8-sig")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UnusableEnvironment(f"{name} names {path}, which cannot be read ({reason}).") from error
    except ValueError:
        raise UnusableEnvironment(f"{name} names {path}, which is not text in UTF-8.") from None
    if len(data) > FILE_LIMIT:
        raise UnusableEnvironment(f"{name} names {path}, which has more than {FILE_LIMIT} bytes.")
    return text.removesuffix("\n").removesuffix("\r") if text.endswith("\n") else text
