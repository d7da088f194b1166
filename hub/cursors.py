"""Cursors: where a client stands, as text that it hands back in ``?since=``.

One position is ``channel@epoch.offset``; a client of several channels joins the latest one of each with commas. To
clients the text is opaque; to the hub it is hostile input.
"""

import re
from collections.abc import Iterable

from hub.streams import Item, Position

#: Characters and positions that are read at most; the line of a request holds 8,192 characters.
LENGTH_LIMIT = 7500
POSITIONS_LIMIT = 256

_POSITION = re.compile(r"([a-z][A-Za-z0-9_:\-]{0,96})@([0-9a-f]{0,8})\.([0-9]{1,18})", re.ASCII)


class NotACursor(ValueError):
    """The text is not a cursor that the hub has handed out."""


def cursor_of(item: Item) -> str:
    """The cursor after ``item``."""
    return f"{item.channel}@{item.epoch}.{item.offset}"


def join(positions: Iterable[tuple[str, Position]]) -> str:
    """The cursor of several channels."""
    return ",".join(f"{channel}@{position.epoch}.{position.offset}" for channel, position in positions)


def parse(text: str) -> dict[str, Position]:
    """The positions in ``text`` by channel; of a channel named twice, the later one in the text.

    Raises:
        NotACursor: malformed or too long.
    """
    parts = text.split(",") if len(text) <= LENGTH_LIMIT else []
    if not parts or len(parts) > POSITIONS_LIMIT:
        raise NotACursor("The cursor is too long.")
    positions = {}
    for part in parts:
        match = _POSITION.fullmatch(part)
        if match is None:
            raise NotACursor("The cursor is malformed.")
        positions[match[1]] = Position(match[2], int(match[3]))
    return positions
