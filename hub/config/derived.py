"""What follows from several settings together: values that were not given, and values that contradict each other."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hub.config.kinds import database_at
from hub.config.paths import BASE_DIR, private_redis_path, private_redis_socket
from hub.config.typed_settings import HubSettings


def database(given: HubSettings) -> dict[str, Any]:
    """Django's settings of the database: that of ``DATABASE_URL``, else of ``hub.sqlite3`` in the data folder."""
    return dict(given.database_url) or database_at(f"sqlite:///{given.data_dir / 'hub.sqlite3'}")


def gathered_files(given: HubSettings, code: Path = BASE_DIR) -> Path:
    """Where ``collectstatic`` of the hub's own project puts files: beside its ``manage.py``.

    An installed package has no such folder of its own, and what is written among packages is lost with the next
    environment: there it is in the data folder.
    """
    return (code if (code / "manage.py").is_file() else given.data_dir) / "staticfiles"


def redis_url(given: HubSettings) -> str:
    """``REDIS_URL``, else the private Redis, as redis-py reads it (``unix:///path`` or ``redis://…``)."""
    return given.redis_url or f"unix://{private_redis_socket(given.data_dir)}"


def has_private_redis(given: HubSettings) -> bool:
    """Whether the Redis of these settings is the one that the hub starts for itself."""
    return given.redis_url in {"", f"unix://{private_redis_path(given.data_dir)}"}


def broker_url(given: HubSettings) -> str:
    """The same Redis as Celery names it: kombu calls a unix socket ``redis+socket://``."""
    url = redis_url(given)
    return "redis+socket://" + url.removeprefix("unix://") if url.startswith("unix://") else url


def cookie_prefix(given: HubSettings) -> str:
    """What the names of all cookies begin with.

    By default one that no other project on the host has: cookies know no ports, so in development it names the port.
    Over HTTPS browsers take a cookie of such a name from HTTPS only, and, where the hub has the whole host for itself,
    from this very host only, so that no other host of the domain can set it.
    """
    if given.cookie_prefix:
        return given.cookie_prefix
    if given.env == "development":
        return f"hub_{given.port}_"
    mark = "__Secure-" if given.url_prefix else "__Host-"
    return f"{mark}hub_" if given.https else "hub_"


def contradictions(given: HubSettings) -> Iterator[str]:
    """One sentence for each two settings that cannot both hold."""
    prefix = given.cookie_prefix.lower()
    if prefix.startswith(("__host-", "__secure-")) and not given.https:
        yield "HUB_COOKIE_PREFIX says that cookies come over HTTPS: set HUB_HTTPS=true."
    if prefix.startswith("__host-") and given.url_prefix:
        yield "HUB_COOKIE_PREFIX is for a whole host: begin it with __Secure- below HUB_URL_PREFIX."
    if given.lease_beat >= given.lease_seconds:
        yield "HUB_LEASE_BEAT must be below HUB_LEASE_SECONDS: a third of it."
