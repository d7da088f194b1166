"""Settings with which production must not start, because somebody would be able to take it over or to read it.

No Django in here: the settings ask this module while Django is not configured yet.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from hub.environment import UnusableEnvironment

#: Characters of a secret key, and how many different ones: what ``secrets.token_urlsafe(40)`` surpasses.
KEY_LENGTH = 50
KEY_VARIETY = 12

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

PICKLE = frozenset({"pickle", "application/x-python-serialize"})


def refuse_unsafe(
    *,
    secret_key: str,
    debug: bool,
    allowed_hosts: Sequence[str],
    redis_url: str,
    channel_layers: Mapping[str, Mapping[str, Any]],
    accepted_content: Sequence[str],
    open_namespaces: Collection[str] = (),
) -> None:
    """Raise ``UnusableEnvironment`` for the first thing that is unsafe, in one sentence that says what to do.

    No secret is in the text.
    """
    if len(secret_key) < KEY_LENGTH or len(set(secret_key)) < KEY_VARIETY or secret_key.startswith("django-insecure-"):
        raise UnusableEnvironment(
            f"SECRET_KEY (or SECRET_KEY_FILE) must have at least {KEY_LENGTH} random characters in production: "
            "python -c 'import secrets; print(secrets.token_urlsafe(64))' makes one."
        )
    if debug:
        raise UnusableEnvironment("HUB_DEBUG shows settings and code to visitors: leave it off in production.")
    if "*" in allowed_hosts:
        raise UnusableEnvironment("HUB_ALLOWED_HOSTS must name the hub's hosts in production: '*' takes any.")
    if not _is_closed(redis_url):
        raise UnusableEnvironment(
            "REDIS_URL names a Redis on the network without a password: write redis://:password@host:port/0."
        )
    if str(channel_layers["default"]["BACKEND"]).endswith("InMemoryChannelLayer"):
        raise UnusableEnvironment(
            "CHANNEL_LAYERS is in memory, which no two processes share, and production has several: use the Redis one."
        )
    if PICKLE & set(accepted_content):
        raise UnusableEnvironment(
            "CELERY_ACCEPT_CONTENT has pickle, with which whoever writes to Redis runs code here: leave it out."
        )
    if open_namespaces:
        raise UnusableEnvironment(
            "HUB_OPEN_NAMESPACES opens channels without a rule and is for development: declare namespaces in code."
        )


def _is_closed(url: str) -> bool:
    """Whether a stranger on the network cannot use this Redis."""
    try:
        parts = urlsplit(url)
        host, password = parts.hostname, parts.password or parse_qs(parts.query).get("password")
    except ValueError:
        return False
    return parts.scheme == "unix" or host in LOOPBACK or bool(password)
