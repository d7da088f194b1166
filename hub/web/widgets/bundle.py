"""The script of the widgets, as it was built: one file that needs no other."""

import base64
import functools
import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

from django.contrib.staticfiles import finders

#: Where the build puts it, among the static files.
NAME = "hub/built/widgets.js"

#: Characters of the digest that a versioned address has.
VERSION_LENGTH = 16


class NotBuilt(Exception):
    """There is no bundle: the hub runs from a folder in which nobody has built it."""

    def __str__(self) -> str:
        return f"static/{NAME} has not been built: run `make run` or `make package`, or node tools/bundle.mjs."


@dataclass(frozen=True, slots=True)
class BuiltScript:
    """A built script.

    Args:
        code: as it is sent.
        compressed: the same, for clients that take gzip.
        version: the same for the same code; stands in the versioned address.
        integrity: its value for the ``integrity`` of a ``<script>``.
    """

    code: bytes
    compressed: bytes
    version: str
    integrity: str


def load() -> BuiltScript:
    """The bundle of this installation; read again where it was built again, as in development.

    Raises:
        NotBuilt: there is none.
    """
    path = finders.find(NAME)
    if path is None:
        raise NotBuilt
    found = Path(path).stat()
    return _read(path, found.st_mtime_ns, found.st_size)


@functools.lru_cache(maxsize=1)
def _read(path: str, modified: int, size: int) -> BuiltScript:
    """The two numbers are of the file, so that another one is not taken for it."""
    code = Path(path).read_bytes()
    return BuiltScript(
        code,
        gzip.compress(code, mtime=0),
        hashlib.sha256(code).hexdigest()[:VERSION_LENGTH],
        f"sha384-{base64.b64encode(hashlib.sha384(code).digest()).decode()}",
    )
