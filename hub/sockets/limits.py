"""How much one client, one person and one address may take of this web process.

All bounds are per web process, because counting over all of them would cost a command to Redis per message.
"""

import ipaddress
import time
from collections import Counter
from enum import Enum, auto
from typing import Any

from hub.conf import hub_settings
from hub.limits import count_refusal

#: Buckets of users that are kept before those that are full, and so say nothing, are dropped.
BUCKETS_KEPT = 10_000

#: Messages over the limit that are answered with an error; a socket that goes on after that is closed.
WARNINGS = 20


class Verdict(Enum):
    """What to do with a message."""

    TAKE = auto()
    #: Answer with an error.
    REFUSE = auto()
    #: It was told often enough: close the socket.
    CLOSE = auto()


class Bucket:
    """A token bucket: ``burst`` messages at once, then ``rate`` per second."""

    __slots__ = ("_at", "_tokens")

    def __init__(self, burst: float) -> None:
        self._tokens = burst
        self._at = time.monotonic()

    def take(self, rate: float, burst: float, count: int = 1) -> bool:
        """Take ``count`` tokens; returns whether there were so many, and takes none where there were not."""
        if self.filled(rate, burst) < count:
            return False
        self._tokens -= count
        return True

    def filled(self, rate: float, burst: float) -> float:
        """How many tokens there are now."""
        now = time.monotonic()
        self._tokens = min(burst, self._tokens + (now - self._at) * rate)
        self._at = now
        return self._tokens


class Pace:
    """How fast one socket sends, and its user over all their sockets. Made with the first message of a socket."""

    __slots__ = ("_bucket", "_refused", "_user_id")

    def __init__(self, user_id: int | None) -> None:
        self._user_id = user_id
        self._bucket = Bucket(hub_settings().socket_burst)
        self._refused = 0

    def judge(self) -> Verdict:
        """A message has come: what to do with it."""
        settings = hub_settings()
        if self._bucket.take(settings.socket_rate, settings.socket_burst) and _user_may_send(self._user_id):
            self._refused = 0
            return Verdict.TAKE
        self._refused += 1
        return Verdict.REFUSE if self._refused <= WARNINGS else Verdict.CLOSE


def _user_may_send(user_id: int | None) -> bool:
    if user_id is None:
        return True
    settings = hub_settings()
    rate, burst = settings.user_rate, settings.user_burst
    bucket = _buckets.get(user_id)
    if bucket is None:
        if len(_buckets) >= BUCKETS_KEPT:
            for known, other in list(_buckets.items()):
                if other.filled(rate, burst) >= burst:
                    del _buckets[known]
        bucket = _buckets[user_id] = Bucket(burst)
    return bucket.take(rate, burst)


_buckets: dict[int, Bucket] = {}


class Connections:
    """How many sockets each user and each address has open. 0 in a setting sets no bound."""

    def __init__(self) -> None:
        self._of_user: Counter[int] = Counter()
        self._of_address: Counter[str] = Counter()

    def enter(self, address: str | None, user_id: int | None) -> bool:
        """Count one more; False, and nothing counted, where that is too many. Each True needs a :meth:`leave`."""
        settings = hub_settings()
        if user_id is not None and 0 < settings.connections_per_user <= self._of_user[user_id]:
            count_refusal("connections_per_user")
            return False
        if address is not None and 0 < settings.connections_per_address <= self._of_address[address]:
            count_refusal("connections_per_address")
            return False
        if user_id is not None:
            self._of_user[user_id] += 1
        if address is not None:
            self._of_address[address] += 1
        return True

    def leave(self, address: str | None, user_id: int | None) -> None:
        """One less."""
        if user_id is not None:
            _count_down(self._of_user, user_id)
        if address is not None:
            _count_down(self._of_address, address)


#: All sockets and streams of this process, whatever their door.
connections = Connections()


def _count_down(counts: Counter[Any], key: object) -> None:
    counts[key] -= 1
    if not counts[key]:
        del counts[key]


def counted_address(client: tuple[str, int] | None) -> str | None:
    """What of a client's address is counted: all of an IPv4 one, of an IPv6 one the network that one customer has.

    None for loopback and for unix sockets: that is a proxy whose clients the hub was not told of (set
    ``HUB_TRUSTED_PROXIES``), or a load test.
    """
    return None if client is None else counted_host(client[0])


def counted_host(host: str) -> str | None:
    """The same of a host by itself."""
    if host.startswith("127.") or not host:
        return None
    if ":" not in host:
        return host
    try:
        address = ipaddress.IPv6Address(host.partition("%")[0])
    except ValueError:
        return host
    if address.is_loopback:
        return None
    return str(address.ipv4_mapped or ipaddress.IPv6Network((address, 64), strict=False).network_address)
