"""The state of one client, kept as ``docs/howto/connect-a-client.md`` tells a client to. This module does no I/O."""

from collections.abc import Iterable
from dataclasses import dataclass, field

Position = tuple[str, int]


@dataclass(slots=True)
class ClientState:
    """Positions by channel, what was shown, and what should not have happened."""

    #: Epoch and offset by channel: where the client stands.
    positions: dict[str, Position] = field(default_factory=dict)
    #: The number that was shown, by channel and offset.
    shown: dict[tuple[str, int], int] = field(default_factory=dict)
    #: Frames that came again with an offset that the client had: allowed, and not shown.
    repeats: int = 0
    #: Times that the hub said ``recovered: false``.
    reloads: int = 0
    disorder: list[str] = field(default_factory=list)
    #: Close codes that told the client not to come back.
    refused: list[str] = field(default_factory=list)
    #: By channel the stretches of offsets ``(after, upto)`` that this client need not have shown.
    _excused: dict[str, list[tuple[int, int]]] = field(default_factory=dict)

    @property
    def channels(self) -> Iterable[str]:
        """The channels that the client is to receive."""
        return self.positions.keys()

    @property
    def cursor(self) -> str:
        """What the client says when it comes back; before it has a position, that it wants one."""
        if not self.positions:
            return "now"
        return ",".join(f"{channel}@{epoch}.{offset}" for channel, (epoch, offset) in self.positions.items())

    def begin(self, channel: str, here: Position, *, recovered: bool) -> None:
        """Take what the hub says of a channel at the beginning of a connection.

        Args:
            here: where the client stands from now on; with ``recovered``, where it stood.
            recovered: all that it missed follows; else none of it does.
        """
        known = self.positions.get(channel)
        if known is not None and recovered:
            if known[0] and here[0] != known[0]:
                self.disorder.append(f"{channel} was recovered from another history")
            return
        self.reloads += known is not None
        self._excused.setdefault(channel, []).append((known[1] if known else 0, here[1]))
        self.positions[channel] = here

    def take(self, channel: str, position: Position, number: int | None, *, may_skip: bool = False) -> bool:
        """Take an item. Returns whether it is shown: not a repeat.

        Args:
            number: that of a publication of this run.
            may_skip: whether offsets may be left out, because the client's endpoint does not show everything. What it
                does show of them is lost all the same, as the ledger finds.
        """
        epoch, offset = position
        known_epoch, known = self.positions.get(channel, ("", 0))
        if known_epoch and epoch != known_epoch:
            self.disorder.append(f"{channel} has another history at {offset}, without a word")
        elif offset <= known:
            self.repeats += 1
            return False
        elif offset != known + 1 and not may_skip:
            self.disorder.append(f"{channel} went from {known} to {offset}")
        self.positions[channel] = position
        if number is not None:
            self.shown[channel, offset] = number
        return True

    def owes(self, channel: str, offset: int) -> bool:
        """Whether the client should have shown this item: it came after it did, and it was not told to reload."""
        return not any(after < offset <= upto for after, upto in self._excused.get(channel, ()))


def positions_in(cursor: str) -> dict[str, Position]:
    """The positions in a cursor of the hub, by channel. The client says where it stands in each of its channels, so it
    needs no delivered-through mark, and a position without one (``-``, :mod:`hub.streams.cursors`) is as good."""
    found = {}
    for text in cursor.split(","):
        channel, _, place = text.rpartition("@")
        epoch, _, offset = place.removeprefix("-").partition(".")
        found[channel] = epoch, int(offset)
    return found
