"""Static files as the web process serves them."""

from django.contrib.staticfiles import finders
from servestatic.middleware import ServeStaticMiddleware


class StaticFiles(ServeStaticMiddleware):  # type: ignore[misc]  # the package has no types
    """As servestatic's, and a start in development does not describe each file.

    There a file is looked for when it is asked for, so nobody reads a description that was made before. Making them
    takes longer than anything else that the first request of a process needs.
    """

    def add_files_from_finders(self) -> None:
        """Say which folders may be served from, and in production what is in them."""
        if not self.autorefresh:
            super().add_files_from_finders()
            return
        for finder in finders.get_finders():
            for storage in finder.storages.values():  # type: ignore[attr-defined]  # each of our finders has them
                self.insert_directory(storage.location, self.static_prefix)
