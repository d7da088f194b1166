"""Publishing: the only way to send to clients.

=========================  ============================================================================
``publish``                inside the caller's transaction; sent after its commit, never after a rollback
``publish_many``           the same for many publications at once
``publish_shared``         the same data to many channels, stored once (``share``); for transactions that end soon
``publish_ephemeral``      now, to those who are connected; not stored, nothing to recover
``apublish``, …            the same verbs for async code
=========================  ============================================================================
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any
from weakref import WeakSet

import msgspec
from django.db import DataError, IntegrityError, transaction
from django.db.models import Model

from hub import streams
from hub.bus.announcer import announce
from hub.channels import namespace_of
from hub.config import hub_settings
from hub.database import prepared
from hub.database.threads import in_database_thread
from hub.logs import get_logger
from hub.logs.rare_log import RareLog
from hub.models import Publication
from hub.ops import metrics
from hub.streams import Envelope, sharing
from hub.validation.numbers import SENTENCE, is_rounded
from hub.validation.tags import encode as encode_tags

log = get_logger(__name__)

#: The outbox sweeper meets such a stream each second, until somebody mends it.
_rare_log = RareLog(log, seconds=300)

#: What can be published: a message type of an app (a msgspec struct with a tag), a mapping with a ``type``, or
#: somebody else's JSON, on one line.
Data = msgspec.Struct | Mapping[str, Any] | msgspec.Raw

#: What the database says of a stream that was tampered with, or restored in part.
INCONSISTENT = (IntegrityError, DataError, OverflowError)

#: No client has published it.
NO_INFO = msgspec.Raw()


class PayloadTooBig(ValueError):
    """The JSON of a publication is longer than ``HUB_MAX_PUBLICATION`` bytes."""


class RoundedNumber(ValueError):
    """The JSON of a publication has a whole number that browsers round; it has to be written as text."""


class NotDurable(ValueError):
    """The channel's namespace keeps no history; use ``publish_ephemeral``."""


def publish(
    channel: str, data: Data, info: msgspec.Raw = NO_INFO, *, tags: Mapping[str, str] | None = None
) -> Publication:
    """Append ``data`` to a durable channel, as part of the transaction that is open.

    When the function returns in autocommit mode, or when the surrounding transaction has committed, the publication
    is stored and will reach every client of the channel in the channel's order; after a rollback it never existed.

    ``info`` is JSON about the client that publishes, where it is a client; others are told it. ``tags`` go with the
    publication to clients, and are kept with it.

    Returns the row as it was stored. Inside a transaction its ``offset`` is given after the commit, in the database:
    ``refresh_from_db()`` reads it.

    Raises:
        UnknownChannel: the name is malformed or of no registered namespace.
        NotDurable: the namespace is live only.
        PayloadTooBig: the JSON is too long.
        RoundedNumber: a whole number in it is beyond 2^53 - 1.
        BadTags: they are none (:mod:`hub.validation.tags`).
        TypeError: ``data`` has something that JSON has not.
        django.db.Error: the surrounding transaction has to be rolled back, as after a ``save()``.
    """
    (row,) = publish_many([(channel, data)], info, tags=tags)
    return row


def publish_many(
    publications: Iterable[tuple[str, Data]],
    info: msgspec.Raw = NO_INFO,
    *,
    tags: Mapping[str, str] | None = None,
) -> list[Publication]:
    """Append many publications; see :func:`publish`. Either all are stored or none, in the order given."""
    texts = [(channel, encode(channel, data, durable=True)) for channel, data in publications]
    content = bytes(info).decode(), encode_tags(tags)
    if not texts:
        return []  # and leave what others wait to have numbered to their commits
    if not prepared.is_alone():
        # Where somebody commits by hand, nothing can be done after that but from such a block.
        with transaction.atomic(savepoint=False):
            return _append(texts, *content)
    if len(texts) == 1 and streams.is_one_step() and (appended := streams.append_at_once(texts, *content)) is not None:
        _announce_numbered(appended.envelopes)
        return appended.rows
    with ending():
        return _append(texts, *content)


def _append(texts: Sequence[tuple[str, str]], info: str, tags: str) -> list[Publication]:
    if _waiting.is_ending and (appended := streams.append_at_once(texts, info, tags)) is not None:
        transaction.on_commit(partial(_announce_numbered, appended.envelopes))
        return appended.rows
    rows = streams.append(texts, info, tags)
    _release_after_commit({channel for channel, _ in texts})
    return rows


@contextmanager
def ending() -> Iterator[None]:
    """A transaction whose last write publishes. Where no other is open around it, that is numbered within it.

    For the hub's own actions: nothing may lock a row after that, since whoever publishes in one of the channels waits
    for the end, and a transaction that publishes twice would lock channels in no order.
    """
    is_last = _waiting.is_last
    is_ending = (is_last or prepared.is_alone()) and streams.is_possible_at_once()
    with transaction.atomic(savepoint=not is_last):
        before, _waiting.is_ending = _waiting.is_ending, is_ending
        try:
            yield
        finally:
            _waiting.is_ending = before


@contextmanager
def last(is_last: bool) -> Iterator[None]:
    """With ``is_last`` the open transaction ends with the block, or is rolled back where the block raises.

    So what is :func:`ending` in there is the end of the transaction.
    """
    before, _waiting.is_last = _waiting.is_last, is_last
    try:
        yield
    finally:
        _waiting.is_last = before


def publish_with_row(row: Model, describe: Callable[[], tuple[str, Data]], key: str) -> Publication | None:
    """Insert ``row`` and publish about it, in a transaction of their own, which is one statement.

    Args:
        row: of a model of the hub, which has no key yet and gets it here. No signal is sent.
        describe: says the channel and the data, as :func:`publish` takes them, with 0 for the key of the row.
        key: the JSON text with which the data begins, up to the key of the row. The key stands nowhere else in it.

    Returns the publication; or None, and nothing is stored, because a transaction is open, the database does not do
    so, or the channel has to be seen to first. Then save the row, and publish.

    Raises as :func:`publish`.
    """
    if not (prepared.is_alone() and streams.is_one_step()):
        return None
    channel, data = describe()
    text = encode(channel, data, durable=True)
    if not text.startswith(f"{key}0"):
        raise ValueError("The data does not begin with the key of the row.")
    appended = streams.append_with_row(row, channel, key, text[len(key) + 1 :])
    if appended is None:
        return None
    _announce_numbered(appended.envelopes)
    return appended.rows[0]


def share(data: Data) -> int:
    """Store ``data`` once, as part of the transaction that is open, for :func:`publish_shared`; returns its id.

    What no publication points to after a day is deleted: see :func:`is_shared`.

    Raises:
        PayloadTooBig, RoundedNumber, TypeError: as :func:`publish`.
    """
    return sharing.share(text_of(data))


def is_shared(shared: int) -> bool:
    """Whether what :func:`share` has stored is still there; if so it stays until the open transaction ends."""
    return sharing.held(shared) is not None


def publish_shared(shared: int, channels: Iterable[str]) -> None:
    """Append what :func:`share` has stored to many durable channels, as part of the transaction that is open.

    As :func:`publish_many`, for a transaction of the hub's own that ends soon: until then whoever publishes in one of
    these channels waits. Each publication takes a fifth of the place. A channel whose stream is inconsistent, because
    it was tampered with or restored in part, is left out and logged.

    Raises:
        UnknownChannel, NotDurable: as :func:`publish`; nothing is stored then.
        LookupError: the shared data is deleted (:func:`is_shared`).
    """
    names = sorted(set(channels))
    for name in names:
        _require_durable(name)
    with transaction.atomic():
        try:
            with transaction.atomic():
                envelopes = streams.append_shared(shared, names)
        except INCONSISTENT:
            envelopes = [envelope for name in names for envelope in _append_alone(shared, name)]
        transaction.on_commit(partial(_announce_numbered, envelopes))


def hold_channels(channels: Iterable[str]) -> None:
    """Have these durable channels until the open transaction ends: whoever publishes in one of them waits.

    For a transaction that calls :func:`publish_shared` several times. Two of them never wait for each other.

    Raises:
        UnknownChannel, NotDurable: as :func:`publish`.
    """
    names = set(channels)
    for name in names:
        _require_durable(name)
    streams.hold(names)


def log_inconsistent(channel: str) -> None:
    """Log that the stream of this channel is :data:`INCONSISTENT`: now, and then once in five minutes."""
    _rare_log.error("stream_inconsistent", kind=channel, channel=channel)


def _append_alone(shared: int, channel: str) -> list[Envelope]:
    # Such a stream must not keep the others from what they are to get.
    try:
        with transaction.atomic():
            return streams.append_shared(shared, [channel])
    except INCONSISTENT:
        log_inconsistent(channel)
        return []


def publish_ephemeral(
    channel: str, data: Data, info: msgspec.Raw = NO_INFO, *, tags: Mapping[str, str] | None = None
) -> None:
    """Send ``data`` to those who are connected to ``channel`` now: not stored, in no transaction, may be lost.

    Works on durable channels too: typing, for instance, passes through a chat room that keeps its messages.

    Raises:
        UnknownChannel, PayloadTooBig, RoundedNumber, BadTags, TypeError: as :func:`publish`.
    """
    text = encode(channel, data, durable=False)
    announce([Envelope(channel, "", 0, text, bytes(info).decode(), encode_tags(tags))])


async def apublish(channel: str, data: Data, info: msgspec.Raw = NO_INFO) -> Publication:
    """:func:`publish` from async code, in a transaction of its own. Stored when it returns."""
    return await in_database_thread(publish, channel, data, info)


async def apublish_ephemeral(channel: str, data: Data, info: msgspec.Raw = NO_INFO) -> None:
    """:func:`publish_ephemeral` from async code; does not wait for anything."""
    publish_ephemeral(channel, data, info)


def encode(channel: str, data: Data, *, durable: bool) -> str:
    """The JSON text of ``data`` as it will go out, after the checks that :func:`publish` names."""
    if durable:
        _require_durable(channel)
    namespace_of(channel)
    return text_of(data)


def _require_durable(channel: str) -> None:
    if not namespace_of(channel).durable:
        raise NotDurable(f"{channel!r} keeps no history; use publish_ephemeral().")


def text_of(data: Data) -> str:
    """The JSON text of ``data`` as it will go out, whatever the channel; raises as :func:`share`."""
    try:
        encoded = msgspec.json.encode(data)
    except OverflowError:
        raise RoundedNumber(f"A publication {SENTENCE}.") from None
    if len(encoded) > hub_settings().max_publication:
        raise PayloadTooBig(f"{len(encoded)} bytes of JSON; {hub_settings().max_publication} are allowed.")
    text = encoded.decode()
    if is_rounded(text):
        raise RoundedNumber(f"A publication {SENTENCE}.")
    return text


def release(channels: Iterable[str]) -> int:
    """Number and announce the committed publications of ``channels`` without an offset; returns how many.

    Called after a commit and by the outbox sweeper; other code need not call it. Raises ``django.db.Error``.
    """
    envelopes = streams.sequence(channels)
    _announce_numbered(envelopes)
    return len(envelopes)


def number_now() -> None:
    """Number in the open transaction what it has published, instead of in another one after its commit.

    The last step of a transaction of the hub's own that ends with it: the streams of its channels are locked until
    then, so that whoever publishes in one of them waits. What others have published in them before gets its number
    first. Announced after the commit. In a transaction that somebody else ends, leave it to the commit.

    For one that publishes several times, such as what handles many schedules: all channels are locked at once, in
    order, and where that fails the caller may do without. What publishes once, at its end, is :func:`ending`, which
    stores and numbers in one step: 4 statements instead of 8 with SQLite, 3 instead of 4 with PostgreSQL.

    Raises:
        django.db.Error: the transaction is to be rolled back. One of :data:`INCONSISTENT` says that a stream was
            tampered with, or restored in part: without this step what is published there waits, and nothing else.
    """
    waiting, _waiting.releases = _waiting.releases, WeakSet()
    if channels := set[str]().union(*(one.channels for one in waiting)):
        transaction.on_commit(partial(_announce_numbered, streams.sequence(channels)))


def _announce_numbered(envelopes: Sequence[Envelope]) -> None:
    for namespace, count in Counter(envelope.channel.partition(":")[0] for envelope in envelopes).items():
        metrics.PUBLICATIONS.labels(namespace).inc(count)
    announce(envelopes)


class _Release:
    """Numbers, when its transaction commits, what that published to ``channels``."""

    __slots__ = ("__weakref__", "channels")

    def __init__(self, channels: set[str]) -> None:
        self.channels = channels

    def __call__(self) -> None:
        waiting, _waiting.releases = _waiting.releases, WeakSet()
        channels: set[str] = set().union(*(one.channels for one in waiting))
        if not channels:
            return  # the first one of the transaction has done it
        try:
            release(channels)
        except Exception:
            # Whatever it was: the commit has succeeded, so the caller must not see a failure and try again. The next
            # publisher of the channel or the outbox sweeper numbers these rows.
            metrics.SEQUENCING_FAILURES.inc()
            log.exception("sequencing_failed", channels=len(channels))


class _Waiting(threading.local):
    """What waits for the commit in this thread; what is rolled back goes, because only its transaction holds it."""

    def __init__(self) -> None:
        self.releases: WeakSet[_Release] = WeakSet()
        #: Whether the transaction ends right after it has published.
        self.is_ending = False
        #: Whether it ends with what is done now.
        self.is_last = False


_waiting = _Waiting()


def _release_after_commit(channels: set[str]) -> None:
    # One hook per publication, because the hooks of a savepoint that is rolled back are dropped; the first one that
    # runs takes the channels of all, so that a transaction is sequenced once.
    one = _Release(channels)
    _waiting.releases.add(one)
    transaction.on_commit(one)
