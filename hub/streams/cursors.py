"""Cursors: where a client stands, as text that it hands back in ``?since=``.

One position is ``channel@epoch.offset``; a client of several channels joins the latest one of each with commas. To
clients the text is opaque; to the hub it is hostile input.

The cursor of a live item says something of the client's other channels too: all that was stored in them some minutes
before was written to it earlier (:data:`hub.fanout.recovery.SLACK`). Where the hub cannot say so, because the database
has not answered tail repair for a while, there is a ``-`` before the epoch: the item's own position and nothing else.
"""

import re
import time
from collections.abc import Iterable

from hub.streams.store import Envelope, Position

#: Characters and positions that are read at most; the line of a request holds 8,192 characters.
LENGTH_LIMIT = 7500
POSITIONS_LIMIT = 256

#: Seconds after which a look of tail repair is too old to say anything.
VOUCHED = 60.0

_POSITION = re.compile(r"([A-Za-z0-9_][A-Za-z0-9_:\-]{0,96})@(-?)([0-9a-f]{0,8})\.([0-9]{1,18})", re.ASCII)

#: When tail repair last knew that everything was delivered, on the clock of ``time.monotonic``; None where it does not
#: run, as outside web processes.
_vouched_at: float | None = None


class NotACursor(ValueError):
    """The text is not a cursor that the hub has handed out."""


def vouch(seconds: float) -> None:
    """All that was stored ``seconds`` ago in the channels that this process follows has been given to the followers.

    Called by the relay. It holds for ``VOUCHED`` seconds, counted from then.
    """
    global _vouched_at
    _vouched_at = time.monotonic() - seconds


def cursor_of(item: Envelope) -> str:
    """The cursor after ``item``, which is written now."""
    alone = "-" if _vouched_at is not None and time.monotonic() - _vouched_at > VOUCHED else ""
    return f"{item.channel}@{alone}{item.epoch}.{item.offset}"


def join(positions: Iterable[tuple[str, Position]]) -> str:
    """The cursor of several channels."""
    return ",".join(f"{channel}@{position.epoch}.{position.offset}" for channel, position in positions)


def parse(text: str) -> dict[str, Position]:
    """The positions in ``text`` by channel; of a channel named twice, the later one in the text.

    Raises:
        NotACursor: malformed or too long.
    """
    return {channel: position for channel, position, _ in _parts(text)}


def telling(text: str) -> set[str]:
    """The channels in ``text`` whose position says something of the client's other channels too.

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
