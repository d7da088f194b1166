"""A file that a part touches while it works, for health checks that cannot afford to start Django."""

from hub.config import hub_settings, is_own_project, private_files
from hub.logs import get_logger

log = get_logger(__name__)


def touch(part: str) -> None:
    """Show that ``part`` (``worker`` or ``beat``) of this data folder works now. Raises nothing.

    Does nothing inside a project of others, which has health checks of its own.
    """
    if not is_own_project():
        return
    folder = hub_settings().data_dir / "run"
    try:
        private_files.make_folder(folder)
        (folder / f"{part}.alive").touch()
    except OSError as error:  # such as a disk that is full: the work goes on
        log.warning("life_not_shown", part=part, error=error.strerror)
