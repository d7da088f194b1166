"""Cursors: the positions of a client as text, which the client sends back in ``?since=``.

One position is ``channel@epoch.offset``. A client of several channels joins the latest position of each with commas.
Clients treat the text as opaque; the hub treats it as hostile input.

The cursor of a live envelope carries the *delivered-through mark*: everything that was stored in the client's other
channels some minutes before was delivered earlier (:data:`hub.fanout.recovery.SLACK`). If the hub cannot guarantee
that, because the database has not answered catch-up for a while, the cursor has a ``-`` before the epoch and stands
for the envelope's own position only.
"""

import re
import time
from collections.abc import Iterable

from hub.streams.store import Envelope, Position, positions

#: Characters and positions that are read at most; the line of a request holds 8,192 characters.
LENGTH_LIMIT = 7500
POSITIONS_LIMIT = 256

#: Seconds after which the delivered-through mark is too old to be used.
DELIVERED_THROUGH_AGE = 60.0

_POSITION = re.compile(r"([A-Za-z0-9_][A-Za-z0-9_:\-]{0,96})@(-?)([0-9a-f]{0,8})\.([0-9]{1,18})", re.ASCII)

#: The delivered-through mark: everything stored until then was delivered, on the clock of ``time.monotonic``. None in
#: processes without catch-up, that is, outside web processes.
_delivered_through: float | None = None


class NotACursor(ValueError):
    """The text is not a cursor that the hub has handed out."""


def mark_delivered(seconds: float) -> None:
    """Set the mark: all that was stored ``seconds`` ago or earlier has been delivered to the subscribers here.

    Called by the relay. The mark holds for ``DELIVERED_THROUGH_AGE`` seconds from that moment.
    """
    global _delivered_through
    _delivered_through = time.monotonic() - seconds


def cursor_of(envelope: Envelope) -> str:
    """The cursor after ``envelope``, which is being written now."""
    alone = (
        "-" if _delivered_through is not None and time.monotonic() - _delivered_through > DELIVERED_THROUGH_AGE else ""
    )
    return f"{envelope.channel}@{alone}{envelope.epoch}.{envelope.offset}"


def cursor_at(channels: Iterable[str]) -> str:
    """The cursor of where these channels stand now. One query; raises ``django.db.Error``."""
    channels = list(channels)
    found = positions(channels)
    return join((channel, found[channel]) for channel in channels)


def join(standing: Iterable[tuple[str, Position]]) -> str:
    """The cursor of several channels."""
    return ",".join(f"{channel}@{position.epoch}.{position.offset}" for channel, position in standing)


def parse(text: str) -> dict[str, Position]:
    """The positions in ``text`` by channel; of a channel named twice, the later one in the text.

    Raises:
        NotACursor: malformed or too long.
    """
    return {channel: position for channel, position, _ in _parts(text)}


def marked(text: str) -> set[str]:
    """The channels in ``text`` whose position carries the delivered-through mark.

    Raises:
        NotACursor: malformed or too long.
    """
    return {channel for channel, _, alone in _parts(text) if not alone}


def _parts(text: str) -> list[tuple[str, Position, bool]]:
    parts = text.split(",") if len(text) <= LENGTH_LIMIT else []
    if not parts or len(parts) > POSITIONS_LIMIT:
        raise NotACursor("The cursor is too long.")
    found = []
    for part in parts:
        match = _POSITION.fullmatch(part)
        if match is None:
            raise NotACursor("The cursor is malformed.")
        found.append((match[1], Position(match[3], int(match[4])), bool(match[2])))
    return found
