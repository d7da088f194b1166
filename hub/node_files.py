"""Which files of npm packages pages may load: these, and nothing else of ``node_modules``."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import FileSystemFinder
from django.core.checks import CheckMessage
from django.core.files.storage import FileSystemStorage

#: The static folder of a package, the folder it has its builds in, and the files of that. The client library of the
#: hub socket comes as a script; the second file is the map that it names for debuggers.
PREFIX = "vendor/centrifuge"
FOLDER = "node_modules/centrifuge/dist"
NAMES = frozenset({"centrifuge.js", "centrifuge.js.map"})


class NodeFilesFinder(FileSystemFinder):
    """Finds :data:`NAMES` below :data:`PREFIX`, where npm has installed the package."""

    def __init__(self, app_names: Iterable[str] | None = None) -> None:
        folder = str(settings.BASE_DIR / FOLDER)
        storage: Any = FileSystemStorage(location=folder)
        storage.prefix = PREFIX
        self.locations = [(PREFIX, folder)]
        self.storages = {folder: storage}

    def check(self, **kwargs: Any) -> list[CheckMessage]:
        """The settings have nothing to say here."""
        return []

    def find_location(self, root: str, path: str, prefix: str | None = None) -> Any:
        """The absolute path of one of these files; None for any other."""
        return super().find_location(root, path, prefix) if path.rpartition("/")[2] in NAMES else None

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[Any]:
        """The names that there are to collect, each with its storage."""
        return ((name, storage) for name, storage in super().list(ignore_patterns) if name in NAMES)
