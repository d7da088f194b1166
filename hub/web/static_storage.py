"""Static files under names that carry a hash, modules included."""

from datetime import datetime

from servestatic.storage import CompressedManifestStaticFilesStorage


class HubStaticFilesStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # the package has no types
    """As servestatic's, and a module imports others under their hashed names too: a browser that has kept some of an
    older version never mixes them with those of a newer one."""

    support_js_module_import_aggregation = True
    # One for each link of the longest chain of imports: a name is known when all names behind it are.
    max_post_process_passes = 20

    def get_modified_time(self, name: str) -> datetime:
        """Unknown, so that `collectstatic` copies each file: it would keep one that is newer than what it is to copy.

        The files of a version are as old as its package; where one goes back to it, others were gathered since.
        """
        raise NotImplementedError
