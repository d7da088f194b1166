"""The environment the hub reads, and what follows from it where a variable is not set.

Every variable is listed in ``.env.example``. This module has no Django in it, so that the supervisor and the
settings agree on one answer before Django is configured.
"""

import hashlib
import ipaddress
import json
import math
import os
import re
import secrets
import tempfile
import warnings
from pathlib import Path
from typing import Any

from environ import ImproperlyConfigured

from hub.config import private_files
from hub.config.variables import Environment
from hub.config.variables import UnusableEnvironment as UnusableEnvironment  # noqa: PLC0414  # raised here, and caught by its name here

BASE_DIR = Path(__file__).resolve().parents[2]

#: The variables, each readable as ``NAME`` or, for secrets mounted as files, as ``NAME_FILE``.
env = Environment()

#: The kernel's limit for the path of a unix socket is 108 bytes with the closing zero (``man 7 unix``).
SOCKET_PATH_LIMIT = 107

#: Days: what databases can subtract from a date.
LONGEST_RETENTION = 365_000

#: Characters of a secret for signed tokens: as many bytes as SHA-256 gives.
TOKEN_SECRET_LENGTH = 32

_COOKIE_PREFIX = re.compile(r"[A-Za-z0-9_\-]{1,40}", re.ASCII)

DATABASE_SCHEMES = ("sqlite", "postgres", "postgresql")


def data_dir() -> Path:
    """The folder of the database, Redis, logs and generated secrets: ``HUB_DATA_DIR``, else ``var/``."""
    return Path(env.str("HUB_DATA_DIR", default="") or BASE_DIR / "var").resolve()


def integer(name: str, default: int, *, least: int, most: int) -> int:
    """The variable ``name`` as a whole number between ``least`` and ``most``, ``default`` where it is not set.

    Raises ``UnusableEnvironment``.
    """
    text = env.str(name, default="") or str(default)
    try:
        number = int(text)
    except ValueError:
        number = None
    if number is None or not least <= number <= most:
        raise UnusableEnvironment(f"{name} must be a whole number from {least} to {most}, not {text!r}.")
    return number


#: What a variable that is on or off may say, in any case.
BOOLEANS = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}


def cookie_prefix(*, production: bool, https: bool, url_prefix: str = "") -> str:
    """What the names of all cookies begin with: ``HUB_COOKIE_PREFIX``.

    By default one that no other project on the host has: cookies know no ports, so in development it names the port.
    Over HTTPS browsers take a cookie of such a name from HTTPS only, and, where the hub has the whole host for itself,
    from this very host only, so that no other host of the domain can set it.

    Raises:
        UnusableEnvironment: no browser would keep such a cookie.
    """
    prefix: str = env.str("HUB_COOKIE_PREFIX", default="")
    if not prefix:
        if not production:
            return f"hub_{integer('HUB_PORT', 8000, least=1, most=65535)}_"
        mark = "__Secure-" if url_prefix else "__Host-"
        return f"{mark}hub_" if https else "hub_"
    if not _COOKIE_PREFIX.fullmatch(prefix):
        raise UnusableEnvironment("HUB_COOKIE_PREFIX must be 1 to 40 letters, digits, underscores and hyphens.")
    if prefix.lower().startswith(("__host-", "__secure-")) and not https:
        raise UnusableEnvironment("HUB_COOKIE_PREFIX says that cookies come over HTTPS: set HUB_HTTPS=true.")
    if prefix.lower().startswith("__host-") and url_prefix:
        raise UnusableEnvironment(
            "HUB_COOKIE_PREFIX is for a whole host: begin it with __Secure- below HUB_URL_PREFIX."
        )
    return prefix


def email() -> dict[str, Any]:
    """Django's ``EMAIL_…`` settings from ``HUB_EMAIL_URL``; empty where it is not set.

    Raises:
        UnusableEnvironment: it is no address of a mail server. Its text, which may hold a password, is not in it.
    """
    url = env.str("HUB_EMAIL_URL", default="").strip()
    if not url:
        return {}
    try:
        found: dict[str, Any] = env.email_url_config(url)
        scheme = url.partition(":")[0].lower()
    except (ImproperlyConfigured, KeyError, ValueError):
        found, scheme = {}, ""
    if not found.get("EMAIL_BACKEND") or (scheme.startswith("smtp") and not found.get("EMAIL_HOST")):
        raise UnusableEnvironment("HUB_EMAIL_URL must be like smtp+tls://user:password@host:587 or smtp+ssl://….")
    return {name: value for name, value in found.items() if name.startswith("EMAIL_")}


def boolean(name: str, *, default: bool = False, text: str | None = None) -> bool:
    """The variable ``name`` as on or off, ``default`` where it is not set or empty.

    Args:
        text: its value, where the caller has read it already.

    Raises:
        UnusableEnvironment: it says neither.
    """
    said = (env.str(name, default="") if text is None else text).strip()
    if not said:
        return default
    value = BOOLEANS.get(said.lower())
    if value is None:
        raise UnusableEnvironment(f"{name} must be true or false, not {said!r}.")
    return value


def retention() -> dict[str, dict[str, float]]:
    """``HUB_RETENTION``: what is kept of a namespace's publications, where that differs from what its app declares.

    Raises ``UnusableEnvironment``. Whether there are such namespaces is known later (``hub.checks``).
    """
    text = env.str("HUB_RETENTION", default="")
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(_is_retention(limits) for limits in found.values()):
        raise UnusableEnvironment(
            'HUB_RETENTION must be JSON like {"room": {"items": 5000, "days": 365}}, with numbers from 0 (no limit) '
            f"up, not {text!r}."
        )
    return found


def _is_retention(limits: object) -> bool:
    if not isinstance(limits, dict) or not limits.keys() <= {"items", "days"}:
        return False
    if not all(type(value) in (int, float) and 0 <= value < math.inf for value in limits.values()):
        return False
    return float(limits.get("items", 0)).is_integer() and bool(limits.get("days", 0) <= LONGEST_RETENTION)


def trusted_proxies() -> list[str]:
    """``HUB_TRUSTED_PROXIES``: addresses and networks of proxies, ``*`` for any; this machine where it is not set."""
    text = env.str("HUB_TRUSTED_PROXIES", default="") or "127.0.0.1"
    return [proxy.strip() for proxy in text.split(",") if proxy.strip()]


def networks(name: str, *, default: str) -> list[str]:
    """The variable ``name`` as addresses and networks, such as ``10.0.0.0/8``; ``none`` for an empty list.

    Raises ``UnusableEnvironment`` for one that is neither.
    """
    text = env.str(name, default="").strip() or default
    found = [part.strip() for part in text.split(",") if part.strip()] if text != "none" else []
    for network in found:
        try:
            ipaddress.ip_network(network, strict=False)
        except ValueError:
            raise UnusableEnvironment(
                f"{name} must be addresses and networks such as 10.0.0.5,10.1.0.0/16, or none, not {network!r}."
            ) from None
    return found


def url_prefix() -> str:
    """``HUB_URL_PREFIX``: the path below which people find the hub, such as ``/hub``; empty for the whole host.

    Raises ``UnusableEnvironment``.
    """
    text = env.str("HUB_URL_PREFIX", default="").strip()
    prefix: str = text.rstrip("/")
    if not re.fullmatch(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+)*", prefix):
        raise UnusableEnvironment(
            "HUB_URL_PREFIX must be a path such as /hub, of letters, digits and - . _ ~ between slashes, "
            f"not {text!r}."
        )
    return prefix


def token_secrets() -> list[str]:
    """``HUB_TOKEN_SECRET``: the secrets of signed tokens, separated by commas; none where it is not set.

    Raises ``UnusableEnvironment`` for one that could be guessed; the text does not show it.
    """
    secrets_ = [secret.strip() for secret in env.str("HUB_TOKEN_SECRET", default="").split(",") if secret.strip()]
    if any(len(secret) < TOKEN_SECRET_LENGTH for secret in secrets_):
        raise UnusableEnvironment(
            f"HUB_TOKEN_SECRET (or HUB_TOKEN_SECRET_FILE) must have at least {TOKEN_SECRET_LENGTH} random characters: "
            "python -c 'import secrets; print(secrets.token_urlsafe(48))' makes one."
        )
    return secrets_


def database() -> dict[str, Any]:
    """Django's settings of the database that ``DATABASE_URL`` names, else of ``hub.sqlite3`` in the data folder.

    Raises ``UnusableEnvironment`` where it names none; the text does not show the address, which holds a password.
    """
    url = env.str("DATABASE_URL", default="") or f"sqlite:///{data_dir() / 'hub.sqlite3'}"
    config: dict[str, Any] = {}
    if url.partition(":")[0] in DATABASE_SCHEMES:
        try:
            with warnings.catch_warnings(action="error"):
                config = dict(env.db_url_config(url))
        except (ValueError, Warning):
            pass  # such as a port that is no number
    if not config.get("NAME"):
        raise UnusableEnvironment(
            "DATABASE_URL cannot be read: write sqlite:////absolute/path or postgresql://user:password@host:port/name."
        )
    return config


def private_redis_socket(folder: Path) -> Path:
    """Where the hub's own Redis listens when ``REDIS_URL`` is not set.

    Lies in ``folder``; if that path is too long for a unix socket, in a folder of this user's below the system's
    temporary folder, named after ``folder``, so that every process with the same variables finds the same socket.
    """
    path = folder / "redis.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_LIMIT:
        return path
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"hub-{os.getuid()}-{name}" / "redis.sock"


def redis_url() -> str:
    """``REDIS_URL``, else the private Redis, as redis-py reads it (``unix:///path`` or ``redis://…``).

    Raises:
        UnusableEnvironment: it names a Sentinel.
    """
    url = env.str("REDIS_URL", default="") or f"unix://{private_redis_socket(data_dir())}"
    if "sentinel" in url.partition("://")[0]:
        raise UnusableEnvironment(
            "REDIS_URL names Redis Sentinel, which the hub cannot use: name the Redis itself (redis://host:port/0), "
            "or an address that follows its primary."
        )
    return url


def broker_url() -> str:
    """The same Redis as Celery names it: kombu calls a unix socket ``redis+socket://``."""
    url = redis_url()
    return "redis+socket://" + url.removeprefix("unix://") if url.startswith("unix://") else url


def development_secret_key(folder: Path) -> str:
    """A secret key made once and kept in ``folder`` (mode 0600), so that sessions outlive a restart.

    Only for development: production must set ``SECRET_KEY``, because several hosts have to share it.
    Raises ``UnusableEnvironment`` where ``folder`` cannot be written to.
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
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        private_files.make_folder(folder)
    draft = folder / f"secret_key.{os.getpid()}"
    draft.touch(mode=0o600)
    draft.write_text(secrets.token_urlsafe(64))
    try:
        os.link(draft, path)  # atomic, and fails where another process was first
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text().strip()
