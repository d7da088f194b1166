"""The records of this process: who is at which channel, with how many connections."""

from collections.abc import Iterator, Mapping

from hub.presence.contract import GUEST, Record

_NOBODY: Mapping[str, int] = {}


class LocalRecords:
    """Counts the connections of each person at each channel in this process."""

    def __init__(self) -> None:
        self.by_channel: dict[str, dict[str, int]] = {}
        #: Records whose first connection comes just now: the shared backend may not have them yet.
        self.entering: set[Record] = set()

    def add(self, channel: str, person: str) -> bool:
        """Count one more connection; returns whether it is the first one here."""
        people = self.by_channel.setdefault(channel, {})
        connections = people[person] = people.get(person, 0) + 1
        return connections == 1

    def remove(self, channel: str, person: str) -> bool:
        """Count one connection less; returns whether it was the last one here. Nothing happens if there is none."""
        people = self.by_channel.get(channel)
        if people is None or person not in people:
            return False
        people[person] -= 1
        if people[person]:
            return False
        del people[person]
        if not people:
            del self.by_channel[channel]
        return True

    def at(self, channel: str) -> Mapping[str, int]:
        """The people at ``channel`` here, with the number of their connections."""
        return self.by_channel.get(channel, _NOBODY)

    def __iter__(self) -> Iterator[Record]:
        return ((channel, person) for channel, people in self.by_channel.items() for person in people)

    def guests(self) -> list[Record]:
        """The records of guests."""
        return [record for record in self if record[1].startswith(GUEST)]
