"""Make the secrets of the containers once, into the folder that they share: ``python deploy/make_secrets.py FOLDER``.

What is there stays as it is, so that a second ``docker compose up`` meets the same passwords. The files are readable
by everyone, because each image runs as a user of its own; who does not mount the volume does not see them.
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


def main(folder: Path) -> None:
    def once(name: str, text: str) -> str:
        path = folder / name
        if not path.exists():
            draft = path.with_suffix(".draft")
            draft.write_text(text)
            draft.chmod(0o444)
            draft.rename(path)
        return path.read_text()

    once("secret_key", secrets.token_urlsafe(64))
    database_password = once("database_password", secrets.token_urlsafe(24))
    redis_password = once("redis_password", secrets.token_urlsafe(24))
    once("database_url", f"postgres://hub:{database_password}@postgres:5432/hub")
    once("redis_url", f"redis://:{redis_password}@redis:6379/0")
    once("redis.conf", REDIS_CONFIGURATION.format(password=redis_password))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
