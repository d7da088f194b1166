"""What people have marked as read, and whether the unread alerts that they are told of are the right ones.

Pure, as the ledger: nothing here does I/O.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from lab.chaos.ledger import Verdict

#: The hub counts what is unread up to this number, and keeps so many marks of a person: what is older is read.
UNREAD_LIMIT, MARKS_KEPT = 100, 1000


@dataclass(frozen=True, slots=True)
class Inbox:
    """What the database says of a person now: the ids of the alerts for them, and of those that they have not read."""

    person: int
    name: str
    alerts: Collection[int]
    unread: Collection[int]


@dataclass(frozen=True, slots=True)
class Told:
    """How many unread alerts a person was told that they have; ``number`` is None where there was no answer."""

    person: int
    how: str
    number: int | None


@dataclass(slots=True)
class _Marks:
    """What the clients of one person have asked for."""

    attempted: set[int] = field(default_factory=set)
    upto: int = 0
    #: The ids that are read because the hub has said so, with who was told.
    acknowledged: dict[int, str] = field(default_factory=dict)


class ReadingBook:
    """The book of one run; alerts go by their ids, people by theirs."""

    def __init__(self) -> None:
        self._marks: dict[int, _Marks] = defaultdict(_Marks)
        #: All alerts up to this one were there before the run, and read by everybody.
        self.began_after = 0

    def attempt(self, person: int, ids: Iterable[int], *, upto: int = 0) -> None:
        """A client of the person is about to mark these as read; with ``upto``, all up to that one."""
        marks = self._marks[person]
        marks.attempted.update(ids)
        marks.upto = max(marks.upto, upto)

    def acknowledge(self, person: int, ids: Iterable[int], by: str) -> None:
        """The hub has said to the client ``by`` that these are read now."""
        self._marks[person].acknowledged.update((one, by) for one in ids)

    def is_read(self, person: int, alert: int) -> bool:
        """Whether the hub has said that the person has read this alert."""
        return alert in self._marks[person].acknowledged

    def judge(self, verdict: Verdict, inboxes: Iterable[Inbox], told: Iterable[Told]) -> None:
        """Compare the book, and what people were told, with the database."""
        told = list(told)
        by_person = {inbox.person: inbox for inbox in inboxes}
        verdict.counts["marked as read"] = sum(len(marks.acknowledged) for marks in self._marks.values())
        verdict.counts["unread counts compared"] = len(told)
        verdict.add("unread differs", self._unread(by_person, told))
        verdict.add("marked as read in vain", self._in_vain(by_person))
        verdict.add("read by nobody", self._by_nobody(by_person))

    def _unread(self, inboxes: Mapping[int, Inbox], told: Iterable[Told]) -> list[str]:
        found = []
        for one in told:
            inbox = inboxes[one.person]
            if one.number is None:
                found.append(f"{inbox.name} is told nothing by {one.how}")
            elif one.number != min(len(inbox.unread), UNREAD_LIMIT):
                found.append(f"{inbox.name} is told {one.number} by {one.how}, the database has {len(inbox.unread)}")
        return found

    def _in_vain(self, inboxes: Mapping[int, Inbox]) -> list[str]:
        """An acknowledged marking must hold."""
        return [
            f"{inbox.name} has not read alert {alert}, although {marks.acknowledged[alert]} was told so"
            for person, marks in self._marks.items()
            for inbox in (inboxes[person],)
            for alert in sorted(marks.acknowledged.keys() & set(inbox.unread))
        ]

    def _by_nobody(self, inboxes: Mapping[int, Inbox]) -> list[str]:
        """What no client has asked for must not be read."""
        found = []
        for person, inbox in inboxes.items():
            marks = self._marks[person]
            if len(marks.attempted) > MARKS_KEPT:
                continue  # of those who mark so many one by one, the hub says that what is older is read too
            known = {*inbox.unread, *marks.attempted}
            found += [
                f"{inbox.name} has read alert {alert}, which no client of theirs has marked"
                for alert in sorted(inbox.alerts)
                if alert > max(marks.upto, self.began_after) and alert not in known
            ]
        return found
