"""Settings with which production must not start, each tried with ``manage.py check`` as an operator would set them."""

import secrets
import subprocess
import sys
import tempfile

from lab.audit.outcome import Outcome
from lab.harness import forking
from lab.harness.environment import BASE_DIR, clean_environment

#: What has to be refused: the name of the danger, and the variables that bring it.
REFUSED: dict[str, dict[str, str]] = {
    "secret-key": {"SECRET_KEY": "change-me-" * 6},
    "token-secret": {"HUB_TOKEN_SECRET": "a" * 36},
    "operator-token": {"HUB_OPERATOR_TOKEN": "0" * 40},
    "debug": {"HUB_DEBUG": "true"},
    "allowed-hosts": {"HUB_ALLOWED_HOSTS": "*"},
    "plain-http": {"HUB_HTTPS": "false"},
    "origins": {"HUB_TRUSTED_ORIGINS": "https://*"},
    "trusted-proxies": {"HUB_TRUSTED_PROXIES": "*"},
    "sqlite": {"DATABASE_URL": ""},
    "database-password": {"DATABASE_URL": "postgres://hub:hub@db.invalid/hub"},
    "plain-mail": {"HUB_EMAIL_URL": "smtp://hub:password@mail.invalid:25"},
    "redis-password": {"REDIS_URL": "redis://redis.invalid/0"},
    "open-namespaces": {"HUB_OPEN_NAMESPACES": '{"news": {}}'},
}


def look() -> Outcome:
    """The dangers with which production starts although it must not, and what it says against safe settings."""
    found = []
    if said := _refusal({}):
        found.append(f"Production does not start with safe settings: {said}")
    for name, variables in REFUSED.items():
        said = _refusal(variables)
        if not said:
            found.append(f"Production starts with {name}: {', '.join(variables)}.")
        elif f"HUB_ALLOW_UNSAFE={name} " not in said:
            found.append(f"Production refuses {name} for another reason: {said}")
    return Outcome.of(found, f"{len(REFUSED)} dangers")


def _refusal(variables: dict[str, str]) -> str:
    """What production says against ``variables`` beside safe ones; empty where it would start."""
    password = secrets.token_urlsafe(24)
    safe = {
        "HUB_ENV": "production",
        "SECRET_KEY": secrets.token_urlsafe(64),
        "DATABASE_URL": f"postgres://hub:{password}@db.invalid/hub",
        "REDIS_URL": f"redis://:{password}@redis.invalid/0",
        "HUB_ALLOWED_HOSTS": "hub.example.com",
    }
    with tempfile.TemporaryDirectory(prefix="hub-audit-") as folder:
        ended = forking.run(
            [sys.executable, "manage.py", "check"],
            cwd=BASE_DIR,
            env=clean_environment(HUB_DATA_DIR=folder, **{**safe, **variables}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    return ended.stderr.strip() if ended.returncode else ""
