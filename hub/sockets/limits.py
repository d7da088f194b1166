"""How much one client, one person and one address may take of this web process.

All bounds are per web process, because counting over all of them would cost a command to Redis per message.
"""

import ipaddress
import math
import time
from collections import Counter
from enum import Enum, auto
from typing import Any

from hub.conf import hub_settings
from hub.limits import count_refusal

#: Bytes of one request's body; the shipped nginx has the same bound.
BODY_LIMIT = 1024 * 1024

#: Buckets that are kept before those that are full, and so say nothing, are dropped.
FEW = 1000

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


class Rates:
    """Many token buckets by key (a user, an address). One that is full takes no memory.

    Each is one number, when it will be full again: the generic cell rate algorithm.
    """

    def __init__(self) -> None:
        self._full_at: dict[object, float] = {}
        self._tidied_at = 0.0

    def take(self, key: object, rate: float, burst: float) -> float:
        """Take one token of ``key``; returns 0, or the seconds until there is one."""
        now = time.monotonic()
        full_at = max(self._full_at.get(key, now), now)
        wait = full_at - now - (burst - 1) / rate
        if wait > 0:
            return wait
        if len(self._full_at) >= FEW and now - self._tidied_at > 1:
            self._tidied_at = now
            self._full_at = {other: at for other, at in list(self._full_at.items()) if at > now}
        self._full_at[key] = full_at + 1 / rate
        return 0


_of_users, _of_guests, _connecting = Rates(), Rates(), Rates()


class Pace:
    """How fast one socket sends, and its user over all their sockets, or all guests of its address together.

    Made with the first message of a socket. ``wait`` is how many seconds the sender of the last message that was
    refused should wait, at least 1.
    """

    __slots__ = ("_address", "_bucket", "_refused", "_user_id", "wait")

    def __init__(self, user_id: int | None, address: str | None) -> None:
        self._user_id = user_id
        self._address = address
        self._bucket = Bucket(hub_settings().socket_burst)
        self._refused = 0
        self.wait = 1

    def judge(self) -> Verdict:
        """A message has come: what to do with it."""
        wait = self._wait_of_socket() or self._wait_of_person()
        if not wait:
            self._refused = 0
            return Verdict.TAKE
        self.wait = math.ceil(wait)
        self._refused += 1
        return Verdict.REFUSE if self._refused <= WARNINGS else Verdict.CLOSE

    def _wait_of_socket(self) -> float:
        rate, burst = hub_settings().socket_rate, hub_settings().socket_burst
        if self._bucket.take(rate, burst):
            return 0
        count_refusal("socket_pace")
        return 1 / rate

    def _wait_of_person(self) -> float:
        if self._user_id is None:
            return guest_wait(self._address)
        wait = _of_users.take(self._user_id, hub_settings().user_rate, hub_settings().user_burst)
        if wait:
            count_refusal("user_pace")
        return wait


def guest_wait(address: str | None) -> int:
    """A guest of a counted address asks for something: 0, or the seconds until it may."""
    settings = hub_settings()
    wait = _of_guests.take(address, settings.guest_rate, settings.guest_burst) if address is not None else 0
    if wait:
        count_refusal("guests")
    return math.ceil(wait)


def connect_wait(address: str | None, user_id: int | None) -> int:
    """Somebody connects, a user or a guest of a counted address: 0, or the seconds until they may."""
    settings = hub_settings()
    if user_id is not None:
        wait = _connecting.take(user_id, settings.connect_user_rate, settings.connect_user_burst)
        if wait:
            count_refusal("connects_per_user")
    else:
        wait = 0
        if address is not None:
            wait = _connecting.take(address, settings.connect_address_rate, settings.connect_address_burst)
        if wait:
            count_refusal("connects_per_address")
    return math.ceil(wait)


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


def address_of_guest(host: str) -> str | None:
    """:func:`counted_address` where only the host is known; empty for none."""
    return counted_address((host, 0)) if host else None
