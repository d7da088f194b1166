"""Which files of npm packages pages may load: these, and nothing else of ``node_modules``."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib.staticfiles.finders import FileSystemFinder
from django.core.checks import CheckMessage
from django.core.files.storage import FileSystemStorage

from hub.config import BASE_DIR

#: Where pages find a package, and the folder of ``node_modules`` that has its builds for browsers.
FOLDERS = {"hub/vendor/centrifuge": "centrifuge/dist", "hub/vendor/swagger-ui": "swagger-ui-dist"}
#: The files of these: the client library of the protocol, and the page of the HTTP API. The maps are named by them,
#: for debuggers.
NAMES = frozenset(
    f"{name}{end}" for name in ("centrifuge.js", "swagger-ui.css", "swagger-ui-bundle.js") for end in ("", ".map")
)


class NodeFilesFinder(FileSystemFinder):
    """Finds :data:`NAMES` below the names of :data:`FOLDERS`, where npm has installed the packages."""

    def __init__(self, app_names: Iterable[str] | None = None) -> None:
        self.locations = []
        self.storages = {}
        for prefix, package in FOLDERS.items():
            folder = str(BASE_DIR / "node_modules" / package)
            storage: Any = FileSystemStorage(location=folder)
            storage.prefix = prefix
            self.locations.append((prefix, folder))
            self.storages[folder] = storage

    def check(self, **kwargs: Any) -> list[CheckMessage]:
        """The settings have nothing to say here."""
        return []

    def find_location(self, root: str, path: str, prefix: str | None = None) -> Any:
        """The absolute path of one of these files; None for any other."""
        return super().find_location(root, path, prefix) if path.rpartition("/")[2] in NAMES else None

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[Any]:
        """The names that there are to collect, each with its storage."""
        return ((name, storage) for name, storage in super().list(ignore_patterns) if name in NAMES)
