"""Whether a part of the hub works, as the exit code that the health check of its container wants.

``python -S deploy/healthy.py web|worker|worker-bulk|beat``. It starts neither Django nor Celery, because it runs every
few seconds: workers and beat touch a file (``hub.ops.liveness_file``) while they work, and its age says enough.
"""

import os
import sys
import time
import urllib.request
from pathlib import Path

#: Seconds after which a worker or a beat that shows no life counts as ill. It shows life every two to five seconds.
MISSING_AFTER = 30.0


def web() -> bool:
    """It answers on /health/ready, which is 503 where the database cannot be used."""
    request = urllib.request.Request("http://127.0.0.1:8000/health/ready")
    request.add_header("Host", host())
    request.add_header("X-Forwarded-Proto", "https")
    with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310  # a constant
        return bool(answer.status == 200)


def host() -> str:
    """A name under which the hub answers: the first of ``HUB_ALLOWED_HOSTS``, which may stand for many of them."""
    first = os.environ.get("HUB_ALLOWED_HOSTS", "").split(",")[0].strip()
    return "127.0.0.1" if first in {"", "*"} else first.removeprefix(".")


def has_shown_life(part: str) -> bool:
    """Whether the worker or beat of this name touched its file in the last :data:`MISSING_AFTER`."""
    folder = os.environ.get("HUB_DATA_DIR") or Path(__file__).resolve().parent.parent / "var"
    try:
        touched_at = (Path(folder) / "run" / f"{part}.alive").stat().st_mtime
    except OSError:
        return False
    return abs(time.time() - touched_at) < MISSING_AFTER


if __name__ == "__main__":
    part = sys.argv[1]
    sys.exit(not (web() if part == "web" else has_shown_life(part)))
