"""Make the secrets of the containers once: ``python deploy/make_secrets.py FOLDER``.

``FOLDER`` has all of them; ``FOLDER/for/NAME`` has those of one kind of container, which mounts nothing else. What is
there stays as it is, so that a second ``docker compose up`` meets the same passwords. The files are readable by
everyone, because each image runs as a user of its own; who does not mount the volume does not see them.

Runs without the hub, on any Python 3.
"""

import secrets
import sys
from pathlib import Path

REDIS_CONFIGURATION = """\
requirepass {password}
# Every write is on the disk within a second.
appendonly yes
appendfsync everysec
save ""
# Tasks and leases must not be thrown away to make room.
maxmemory-policy noeviction
"""

#: Who gets which of them.
WANTED = {
    "hub": ("secret_key", "database_url", "redis_url"),
    "postgres": ("database_password",),
    "redis": ("redis_password", "redis.conf"),
}


def main(folder: Path) -> None:
    once(folder / "secret_key", secrets.token_urlsafe(64))
    database_password = once(folder / "database_password", secrets.token_urlsafe(24))
    redis_password = once(folder / "redis_password", secrets.token_urlsafe(24))
    once(folder / "database_url", f"postgres://hub:{database_password}@postgres:5432/hub")
    once(folder / "redis_url", f"redis://:{redis_password}@redis:6379/0")
    once(folder / "redis.conf", REDIS_CONFIGURATION.format(password=redis_password))
    for reader, names in WANTED.items():
        (folder / "for" / reader).mkdir(parents=True, exist_ok=True)
        for name in names:
            once(folder / "for" / reader / name, (folder / name).read_text())


def once(path: Path, text: str) -> str:
    """What is at ``path``; where there is nothing, ``text`` from now on."""
    if not path.exists():
        draft = path.with_suffix(".draft")
        draft.write_text(text)
        draft.chmod(0o444)
        draft.rename(path)
    return path.read_text()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
