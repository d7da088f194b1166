"""How much one client, one person and one address may take of this web process.

All bounds are per web process, because counting over all of them would cost a command to Redis per message.
"""

import ipaddress
import math
import time
from collections import Counter
from enum import Enum, auto
from typing import TYPE_CHECKING

from hub.config import hub_settings
from hub.limits.rates import count_refusal

if TYPE_CHECKING:
    # Users are rows, and the web server needs its bounds before the apps are ready.
    from hub.users import Key

#: Bytes of one request's body; the shipped nginx has the same bound.
BODY_LIMIT = 1024 * 1024

#: Buckets that are kept before those that are full, and so say nothing, are dropped.
FEW = 1000

#: Seconds by which sums of times are inexact.
ROUNDING = 1e-6

#: Messages over the limit that are answered with an error; a socket that goes on after that is closed.
WARNINGS = 20


class Decision(Enum):
    """What to do with a message."""

    TAKE = auto()
    #: Answer with an error.
    REFUSE = auto()
    #: It was told often enough: close the socket.
    CLOSE = auto()


class Bucket:
    """A token bucket: ``burst`` tokens at once, then ``rate`` per second.

    It is one number, when it will be full again: the generic cell rate algorithm.
    """

    __slots__ = ("full_at",)

    def __init__(self) -> None:
        #: On the clock of ``time.monotonic()``.
        self.full_at = 0.0

    def take(self, rate: float, burst: float, count: int = 1) -> float:
        """Take ``count`` tokens; returns 0, or the seconds until there are so many, and takes none then."""
        now = time.monotonic()
        full_at = max(self.full_at, now)
        wait = full_at - now - (burst - count) / rate
        if wait > ROUNDING:
            return wait
        self.full_at = full_at + count / rate
        return 0.0


class Rates:
    """Many token buckets by key (a user, an address). One that is full takes no memory."""

    def __init__(self) -> None:
        self._buckets: dict[object, Bucket] = {}
        self._tidied_at = 0.0

    def take(self, key: object, rate: float, burst: float) -> float:
        """Take one token of ``key``; returns 0, or the seconds until there is one."""
        now = time.monotonic()
        if len(self._buckets) >= FEW and now - self._tidied_at > 1:
            self._tidied_at = now
            self._buckets = {other: bucket for other, bucket in list(self._buckets.items()) if bucket.full_at > now}
        return self._buckets.setdefault(key, Bucket()).take(rate, burst)


_of_users, _of_guests = Rates(), Rates()
_users_connecting, _guests_connecting = Rates(), Rates()  # apart: a key may be a text that is an address


class RateLimiter:
    """How fast one socket sends, and its user over all their sockets, or all guests of its address together.

    Made with the first message of a socket. ``wait`` is how many seconds the sender of the last message that was
    refused should wait, at least 1.
    """

    __slots__ = ("_address", "_bucket", "_refused", "_user_key", "wait")

    def __init__(self, user_key: "Key", address: str | None) -> None:
        self._user_key = user_key
        self._address = address
        self._bucket = Bucket()
        self._refused = 0
        self.wait = 1

    def check(self) -> Decision:
        """A message has come: what to do with it."""
        wait = self._wait_of_socket() or self._wait_of_person()
        if not wait:
            self._refused = 0
            return Decision.TAKE
        self.wait = math.ceil(wait)
        self._refused += 1
        return Decision.REFUSE if self._refused <= WARNINGS else Decision.CLOSE

    def _wait_of_socket(self) -> float:
        wait = self._bucket.take(hub_settings().socket_rate, hub_settings().socket_burst)
        if wait:
            count_refusal("socket_pace")
        return wait

    def _wait_of_person(self) -> float:
        if self._user_key is None:
            return guest_wait(self._address)
        wait = _of_users.take(self._user_key, hub_settings().user_rate, hub_settings().user_burst)
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


def connect_wait(address: str | None, user_key: "Key") -> int:
    """Somebody connects, a user or a guest of a counted address: 0, or the seconds until they may."""
    settings = hub_settings()
    if user_key is not None:
        wait = _users_connecting.take(user_key, settings.connect_user_rate, settings.connect_user_burst)
        if wait:
            count_refusal("connects_per_user")
    else:
        wait = 0
        if address is not None:
            wait = _guests_connecting.take(address, settings.connect_address_rate, settings.connect_address_burst)
        if wait:
            count_refusal("connects_per_address")
    return math.ceil(wait)


class TooManyConnections(Exception):
    """The user or the address has as many connections as one may have in a process."""


class Counted:
    """One connection in the counts of its user and its address, from here to :meth:`leave`.

    0 in a setting sets no bound.

    Raises:
        TooManyConnections: this one is not counted.
    """

    __slots__ = ("address", "user_key")

    def __init__(self, address: str | None, user_key: "Key") -> None:
        if user_key is not None:
            _enter_user(user_key)
        self.user_key = user_key
        self.address = address
        if address is not None and not _enter(by_address, address, hub_settings().connections_per_address):
            _leave(by_user, user_key)
            count_refusal("connections_per_address")
            raise TooManyConnections

    def move_to(self, user_key: "Key") -> None:
        """The connection is another user's than its handshake said. Raises as the class, and changes nothing then."""
        if user_key != self.user_key:
            if user_key is not None:
                _enter_user(user_key)
            _leave(by_user, self.user_key)
            self.user_key = user_key

    def leave(self) -> None:
        """The connection has ended. May be repeated."""
        _leave(by_user, self.user_key)
        _leave(by_address, self.address)
        self.user_key = self.address = None


#: The connections of this process by user and by address, over all endpoints.
by_user: Counter[object] = Counter()
by_address: Counter[object] = Counter()


def _enter_user(user_key: "Key") -> None:
    if not _enter(by_user, user_key, hub_settings().connections_per_user):
        count_refusal("connections_per_user")
        raise TooManyConnections


def _enter(counts: Counter[object], key: object, bound: int) -> bool:
    # The key of a person may be a UUID, whose hash Python works out each time.
    count = counts.get(key, 0)
    if 0 < bound <= count:
        return False
    counts[key] = count + 1
    return True


def _leave(counts: Counter[object], key: object) -> None:
    if key is not None and (left := counts.pop(key, 1) - 1) > 0:
        counts[key] = left


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
    if address.ipv4_mapped:  # as a socket for both has it
        return counted_host(str(address.ipv4_mapped))
    return str(ipaddress.IPv6Network((address, 64), strict=False).network_address)


def address_of_guest(host: str) -> str | None:
    """:func:`counted_address` where only the host is known; empty for none."""
    return counted_address((host, 0)) if host else None
