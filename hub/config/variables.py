"""Variables of the environment as they were meant: from files without the line end that editors add, never half-read.

Each may be given as ``NAME``, or as ``NAME_FILE``, the path of a file that holds it (which comes first).
"""

import os
from pathlib import Path

#: Bytes that a file of one variable may have.
FILE_LIMIT = 1024 * 1024


class UnusableEnvironment(Exception):
    """Variables, or what they name, cannot be used. Each line of the text is a sentence: which it is, and what to do.

    No secret is in it.
    """


def read(name: str) -> str | None:
    """The text of the variable ``name``; None where it is not set.

    One line end of a file is not part of the value: ``echo secret > file`` writes one. All else is.

    Raises:
        UnusableEnvironment: its file cannot be read, or it has a carriage return in it.
    """
    path = os.environ.get(f"{name}_FILE")
    text = _read(f"{name}_FILE", Path(path)) if path else os.environ.get(name)
    if text is not None and "\r" in text:
        raise UnusableEnvironment(
            f"{name} has a carriage return in it: save the file that sets it with the line ends of Unix (LF)."
        )
    return text


def names() -> list[str]:
    """The names of all variables of this process."""
    return sorted(os.environ)


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
