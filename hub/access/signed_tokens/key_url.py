"""Keys at a URL (``HUB_TOKEN_JWKS_URL``): fetched seldom, kept while the URL is away, bounded in time and size."""

import contextlib
import socket
import threading
import time
from functools import lru_cache
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from hub.access.signed_tokens.keys import NotAKey, SigningKey, keys_in_set
from hub.logs import get_logger

log = get_logger(__name__)

#: Seconds between two fetches, at least: whoever makes up names of keys causes no more.
PAUSE = 30.0

#: Seconds that a fetch may take as a whole, and bytes of its answer.
DEADLINE = 5.0
BYTES_LIMIT = 256 * 1024


class KeyUrl:
    """The keys at one URL. May be used from any thread; nothing but :meth:`fetch` waits for the network.

    Args:
        url: as ``HUB_TOKEN_JWKS_URL`` has it.
        pause: seconds between two fetches, at least.
    """

    def __init__(self, url: str, pause: float = PAUSE) -> None:
        self._url = url
        #: Seconds between two fetches, at least.
        self.pause = pause
        self._fetching = threading.Lock()
        self._body = b""
        self._next = 0.0
        #: The keys of the last fetch that brought some.
        self.keys: tuple[SigningKey, ...] = ()
        #: When that began, by the monotonic clock; 0 for never.
        self.known_at = 0.0

    @property
    def may_fetch(self) -> bool:
        """Whether :meth:`fetch` would ask the URL: the last time is long enough ago, and nobody does so just now."""
        return time.monotonic() >= self._next and not self._fetching.locked()

    def fetch(self) -> bool:
        """Ask the URL for its keys, at most once in ``pause`` seconds; returns whether it was asked and had some.

        Takes :data:`DEADLINE` seconds at most besides the look-up of the host. Never raises: what was known stays, and
        the reason is logged. A key that the URL has no longer is forgotten.
        """
        if not self._fetching.acquire(blocking=False):
            return False
        try:
            begun = time.monotonic()
            if begun < self._next:
                return False
            self._next = begun + self.pause
            return self._fetch(begun)
        finally:
            self._fetching.release()

    def _fetch(self, begun: float) -> bool:
        try:
            body = body_at(self._url)
            if body != self._body:  # else the keys stay the same objects, and what they verified stays known
                self.keys, self._body = keys_in_set(body), body
                log.info("signing_keys_fetched", keys=len(self.keys))
        except (OSError, HTTPException, NotAKey, NotFetched) as error:
            reason = str(error) if isinstance(error, NotAKey | NotFetched) else type(error).__name__
            log.warning("signing_keys_not_fetched", reason=reason, known=len(self.keys))
            return False
        self.known_at = begun
        return True


@lru_cache(maxsize=1)
def keys_at(url: str) -> KeyUrl:
    """The keys at ``url``, one object for the whole process."""
    return KeyUrl(url)


class NotFetched(Exception):
    """The URL did not answer as it should; the text says what it did."""


def body_at(url: str, *, deadline: float = DEADLINE, limit: int = BYTES_LIMIT) -> bytes:
    """The body of the answer to a GET of ``url``. Follows no redirect, and sends nothing about this hub.

    Raises:
        NotFetched: the answer has another status than 200, is longer than ``limit`` bytes, or took too long.
        OSError, http.client.HTTPException: there is none, or it is no HTTP.
    """
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=deadline)
    has_ended = threading.Event()
    opened: list[socket.socket] = []
    # Each wait for bytes is bounded by the socket's timeout, but not their number: a server may send one at a time.
    watch = threading.Timer(deadline, _give_up, (connection, opened, has_ended))
    watch.daemon = True
    watch.start()
    try:
        connection.connect()
        opened.append(connection.sock)  # which the connection lets go of before the answer is read
        if has_ended.is_set():  # while an address before this one was tried: the watch has looked already
            raise TimeoutError
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", target, headers={"Accept": "application/json", "User-Agent": "hub"})
        answer = connection.getresponse()
        status, body = answer.status, answer.read(limit + 1)
    except (OSError, HTTPException) as error:
        # The socket's own timeout, which is as long, may be there before the watch has got its turn.
        if not has_ended.is_set() and not isinstance(error, TimeoutError):
            raise
        has_ended.set()
        status, body = 0, b""
    finally:
        watch.cancel()
        connection.close()
    if has_ended.is_set():
        raise NotFetched(f"no answer within {deadline:g} s")
    if status != 200:
        raise NotFetched(f"status {status}")
    if len(body) > limit:
        raise NotFetched(f"more than {limit} bytes")
    return body


def _give_up(connection: HTTPConnection, opened: list[socket.socket], has_ended: threading.Event) -> None:
    has_ended.set()
    for one in opened or [connection.sock]:
        with contextlib.suppress(OSError, AttributeError):  # it has ended by itself, or not begun
            one.shutdown(socket.SHUT_RDWR)
