"""The files of the data folder belong to one user: they hold session keys, secrets and what people wrote.

Every process of the hub makes its files so (``umask``), and a start takes the rights of others from files that an
earlier version left open to them.
"""

import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from hub.config.reading import hub_settings
from hub.config.variables import UnusableEnvironment

#: What other users may do: nothing.
OTHERS = 0o077

#: What the hub keeps in the data folder. All else in there is somebody else's, and stays as it is.
_OURS = ("secret_key*", "hub.sqlite3*", "redis.sock", "redis", "logs", "run")

_seen_databases: set[str] = set()


def make_folder(folder: Path) -> None:
    """Make ``folder``, and the folders above it, for this user alone, where they are missing. Raises ``OSError``."""
    before = os.umask(OTHERS)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    finally:
        os.umask(before)


def guard(folder: Path) -> int:
    """From now on this process makes files for its user alone; what others may do with the data folder ends.

    Returns from how many files and folders rights were taken: 0 on every start but the first of an older
    installation. Files of another user, and what the hub did not put into the folder, are left alone.
    """
    os.umask(OTHERS)
    return sum(map(_take_from_others, _private_paths(folder)))


def refuse_strangers(folder: Path) -> None:
    """Raise ``UnusableEnvironment`` where somebody else can exchange what the hub reads from ``folder``, or has put it
    there: another user's folder, file or link under a name of the hub's.

    Whoever knows the secret key logs in as anybody. Call it after :func:`guard`: nothing is added from then on. Root,
    who is told apart from nobody in containers, is not refused; nor are files of root.
    """
    _refuse_of_others(_private_paths(folder))


def _refuse_of_others(paths: Iterable[Path]) -> None:
    if os.geteuid() == 0:
        return
    for path in paths:
        if _is_of_another(path):
            raise UnusableEnvironment(
                f"{path} belongs to another user of this machine, who may have put it there: set HUB_DATA_DIR to a "
                "folder of yours, or take this one over (chown) if you know what is in it."
            )


def guard_database(connection: Any, **kwargs: Any) -> None:
    """Receiver of Django's ``connection_created``: a SQLite file in the data folder is private from its first use."""
    if connection.vendor != "sqlite":
        return
    path = Path(str(connection.settings_dict["NAME"]))
    if path.parent != hub_settings().data_dir or str(path) in _seen_databases:
        return
    _seen_databases.add(str(path))
    for suffix in ("", "-wal", "-shm"):
        _take_from_others(path.with_name(path.name + suffix))


def development_secret_key(folder: Path) -> str:
    """A secret key made once and kept in ``folder`` (mode 0600), so that sessions outlive a restart.

    Only for development: production must set ``SECRET_KEY``, because several hosts have to share it.
    Raises ``UnusableEnvironment`` where ``folder`` cannot be written to, or it or the key is another user's.
    """
    try:
        return _kept_secret(folder)
    except OSError as error:
        raise unwritable(folder, error) from error


def unwritable(folder: Path, error: OSError) -> UnusableEnvironment:
    """The error that says that the data folder cannot be written to, and what to do."""
    reason = error.strerror or type(error).__name__
    return UnusableEnvironment(
        f"HUB_DATA_DIR {folder} cannot be written to ({reason}): "
        "set it to a folder of yours, or make this one writable."
    )


def _kept_secret(folder: Path) -> str:
    path = folder / "secret_key"
    _refuse_of_others([folder, path])
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        make_folder(folder)
    draft = folder / f"secret_key.{os.getpid()}"
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600, exist_ok=False)  # follows no link
    draft.write_text(secrets.token_urlsafe(64))
    try:
        os.link(draft, path)  # atomic, and fails where another process was first
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text().strip()


def _private_paths(folder: Path) -> Iterator[Path]:
    if folder == folder.parent:
        return  # the root of the file system is nobody's data folder
    if folder != Path.home():
        yield folder  # first: nobody can then put something in the way of what follows
    for pattern in _OURS:
        for path in folder.glob(pattern):
            yield path
            if path.is_dir() and not path.is_symlink():
                yield from (Path(parent, name) for parent, *both in os.walk(path) for name in [*both[0], *both[1]])


def _is_of_another(path: Path) -> bool:
    try:
        return path.lstat().st_uid not in {0, os.geteuid()}
    except OSError:  # gone meanwhile
        return False


def _take_from_others(path: Path) -> bool:
    """Whether others had rights to ``path``, and now have none."""
    try:
        status = path.lstat()
        mode = stat.S_IMODE(status.st_mode)
        # A folder that all write to, such as /tmp, has the sticky bit.
        is_shared = stat.S_ISDIR(status.st_mode) and mode & stat.S_ISVTX
        if not mode & OTHERS or stat.S_ISLNK(status.st_mode) or is_shared or status.st_uid != os.geteuid():
            return False
        path.chmod(mode & ~OTHERS)
    except OSError:  # gone meanwhile, or on a file system that has no modes
        return False
    return True
