"""The one typed reader of the hub's own settings, ``HUB_…``. Django's are read from ``django.conf.settings``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.core.signals import setting_changed

#: Bytes; the web server is told before the settings are read.
MAX_FRAME = 64 * 1024


@dataclass(frozen=True, slots=True)
class HubSettings:
    """The settings with units. Each is ``HUB_<NAME>`` in Django's settings; where that is not set, the value here."""

    #: Before every key, group and lease in Redis, so that several hubs may share one Redis.
    redis_prefix: str = "hub"
    #: Seconds between two looks into the database for publications that Redis did not bring; 0 switches it off.
    repair_interval: float = 1.0
    #: Seconds a group join or an announcement may take before the hub goes on without Redis.
    redis_timeout: float = 1.0
    #: Announcements that wait for Redis in one process; above it they are dropped, and tail repair delivers.
    announce_queue: int = 20_000
    #: Messages from Redis that wait for the relay of one process; above it they are dropped, and repair delivers.
    layer_queue: int = 20_000
    #: Threads for database work of sockets and the relay, in each web process.
    database_threads: int = 8
    #: Publications that one resume replays at most; a client that is further behind is told to reload.
    recovery_limit: int = 1000
    #: Bytes that wait for a reader that is too slow; above it the socket is closed and the client comes back.
    write_buffer: int = 1024 * 1024
    #: Bytes of one frame from a client.
    max_frame: int = MAX_FRAME
    #: Messages that one socket may send at once and per second after that, and all sockets of one user together.
    socket_burst: float = 40.0
    socket_rate: float = 10.0
    user_burst: float = 80.0
    user_rate: float = 20.0
    #: Sockets that one user and one address may have open in one web process; 0 sets no bound.
    connections_per_user: int = 100
    connections_per_address: int = 1000
    #: Subscriptions of its own that one hub socket may have; those that the hub makes by itself do not count.
    subscriptions_per_socket: int = 128
    #: Characters of publications that one answer of the hub socket recovers at most; whoever missed more reloads.
    recovery_bytes: int = 8 * 1024 * 1024
    #: Secrets of signed tokens for the hub socket: each verifies, the first one signs. Empty: no such tokens.
    token_secret: Sequence[str] = ()
    #: Namespaces that are open without code: their options by name, see :mod:`hub.open_namespaces`.
    open_namespaces: Mapping[str, Any] = field(default_factory=dict)
    #: Seconds in which every open socket is once held to the rights its user has then.
    recheck_interval: float = 30.0
    #: Seconds over which a server that stops spreads the end of its sockets, so that they do not come back at once.
    stop_spread: float = 3.0
    #: Bytes of one publication's JSON.
    max_publication: int = 64 * 1024
    #: What this installation keeps of a namespace's publications where that differs from what its app declares:
    #: ``{namespace: {"items": number, "days": number}}``, either may be left out, 0 sets no limit.
    retention: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    #: Seconds a process stays in the presence lists after its last sign of life, and between two such signs.
    lease_seconds: float = 30.0
    lease_beat: float = 10.0
    #: Seconds between two counts of who is online that are sent, at least.
    count_interval: float = 0.25
    #: Who may send alerts to everyone over a socket: ``staff``, ``authenticated`` or ``anyone``.
    client_broadcast: str = "staff"
    #: Whether visitors may make an account.
    signup: bool = False


_current: HubSettings | None = None


def hub_settings() -> HubSettings:
    """The settings in force, read once."""
    global _current
    if _current is None:
        _current = HubSettings(
            **{
                name: getattr(settings, f"HUB_{name.upper()}")
                for name in HubSettings.__dataclass_fields__
                if hasattr(settings, f"HUB_{name.upper()}")
            }
        )
    return _current


def _forget(*, setting: str, **kwargs: Any) -> None:
    global _current
    if setting.startswith("HUB_"):
        _current = None


setting_changed.connect(_forget, dispatch_uid="hub.conf")
