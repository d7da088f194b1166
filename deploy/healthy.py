"""Whether a part of the hub works, as the exit code that the health check of its container wants.

``python deploy/healthy.py web|worker|beat``
"""

import os
import socket
import subprocess
import sys
import urllib.request


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


def worker() -> bool:
    """This worker, not another one, takes a message from the broker and answers it."""
    me = f"celery@{socket.gethostname()}"
    ping = [sys.executable, "-m", "celery", "-A", "worker", "inspect", "ping", "--timeout", "5", "--destination", me]
    return subprocess.run(ping, check=False, stdout=subprocess.DEVNULL).returncode == 0


def beat() -> bool:
    """Its sign of life in the database is recent, so the loop that sends what is due turns."""
    import django

    django.setup()
    from hub import heartbeats

    part = heartbeats.here(heartbeats.BEAT)
    return part in heartbeats.fresh([part])


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hub.settings")
    sys.exit(not {"web": web, "worker": worker, "beat": beat}[sys.argv[1]]())
