"""What was attempted, acknowledged, stored and shown, and whether that fits together. Pure: nothing here does I/O.

A publication of a run carries its mark and its number in its text, so that it is known wherever it turns up.
"""

import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from lab.chaos.client_state import ClientState

#: Findings of one kind that are told one by one.
SHOWN = 5


@dataclass(slots=True)
class Attempt:
    """One call of a publisher. ``copies``: in how many channels it is stored, all or none."""

    by: str
    copies: int
    attempted_at: float
    acknowledged_at: float | None = None
    #: When a task was called without an error, which is the promise that it will run.
    handed_over_at: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A stored publication of this run; ``offset`` is None where it was never numbered."""

    channel: str
    offset: int | None
    number: int


@dataclass(frozen=True, slots=True)
class AlertRow:
    """A stored alert of this run to the person who has ``channel``."""

    channel: str
    number: int


@dataclass(slots=True)
class Verdict:
    """How a run went. Each finding is a sentence; without any, all that the hub promises held."""

    findings: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether there is no finding."""
        return not self.findings

    def add(self, kind: str, cases: Sequence[str]) -> None:
        """Count ``cases`` under ``kind``, and tell of the first few."""
        self.counts[kind] = len(cases)
        self.findings += [f"{kind}: {case}" for case in cases[:SHOWN]]
        if len(cases) > SHOWN:
            self.findings.append(f"{kind}: and {len(cases) - SHOWN} more")


class Ledger:
    """The book of one run. ``mark`` is what its texts have in common, 6 hexadecimal digits."""

    def __init__(self, mark: str) -> None:
        self.mark = mark
        self.attempts: dict[int, Attempt] = {}
        #: Every time that a client showed a publication: ``(number, when)``.
        self.shown: list[tuple[int, float]] = []
        self._shown_by: Counter[int] = Counter()
        self._pattern = re.compile(rf"chaos-{mark}-(\d+)")

    # --- what happens ---------------------------------------------------------------------------------------------

    def attempt(self, by: str, *, copies: int = 1) -> int:
        """``by`` is about to publish; returns the number of the publication."""
        number = len(self.attempts) + 1
        self.attempts[number] = Attempt(by, copies, time.monotonic())
        return number

    def text(self, number: int) -> str:
        """What the publication of this number says; fit for a room's name too."""
        return f"chaos-{self.mark}-{number}"

    def number_in(self, text: str) -> int | None:
        """The number of the publication that says ``text``; None where it is none of this run."""
        found = self._pattern.search(text)
        return int(found[1]) if found else None

    def acknowledge(self, number: int) -> None:
        """The hub has said that it has stored the publication."""
        if self.attempts[number].acknowledged_at is None:
            self.attempts[number].acknowledged_at = time.monotonic()

    def hand_over(self, number: int) -> None:
        """The hub has said that it has stored the task that will publish."""
        self.attempts[number].handed_over_at = time.monotonic()

    def show(self, number: int) -> None:
        """A client has shown the publication to its person."""
        self.shown.append((number, time.monotonic()))
        self._shown_by[number] += 1

    # --- what came of it ------------------------------------------------------------------------------------------

    def shown_by(self, number: int) -> int:
        """How many clients have shown the publication."""
        return self._shown_by[number]

    def latencies(self, since: float, until: float = float("inf")) -> list[float]:
        """Seconds from acknowledgement to each showing, of publications attempted between two moments.

        One that was shown before it was acknowledged took no time; one that never was acknowledged is left out.
        """
        found = []
        for number, shown_at in self.shown:
            attempt = self.attempts.get(number)
            if attempt and attempt.acknowledged_at is not None and since <= attempt.attempted_at <= until:
                found.append(max(0.0, shown_at - attempt.acknowledged_at))
        return found

    def slowest(self, since: float, until: float = float("inf")) -> tuple[float, str]:
        """The longest of :meth:`latencies`, and what it was that took so long."""
        longest, what = 0.0, "nothing"
        for number, shown_at in self.shown:
            attempt = self.attempts.get(number)
            if attempt and attempt.acknowledged_at is not None and since <= attempt.attempted_at <= until:
                took = shown_at - attempt.acknowledged_at
                if took > longest:
                    longest, what = took, f"{self.text(number)} by {attempt.by}"
        return longest, what

    def verdict(
        self, rows: Iterable[Row], alerts: Iterable[AlertRow], client_states: Mapping[str, ClientState]
    ) -> Verdict:
        """Compare the book with the database (``rows``, ``alerts``) and with what each client showed."""
        rows, alerts = list(rows), list(alerts)
        stored: Counter[int] = Counter(row.number for row in rows)
        verdict = Verdict()
        verdict.counts = {
            "attempted": len(self.attempts),
            "acknowledged": sum(a.acknowledged_at is not None for a in self.attempts.values()),
            "stored": len(stored),
            "shown": len(self.shown),
            "repeated on the wire": sum(client_state.repeats for client_state in client_states.values()),
            "told to reload": sum(client_state.reloads for client_state in client_states.values()),
        }
        self._judge_storage(verdict, rows, stored)
        self._judge_alerts(verdict, rows, alerts)
        self._check_client_states(verdict, rows, client_states)
        return verdict

    def _judge_storage(self, verdict: Verdict, rows: Sequence[Row], stored: Counter[int]) -> None:
        attempts = self.attempts
        verdict.add("never attempted", [self.text(number) for number in stored if number not in attempts])
        verdict.add(
            "acknowledged but not stored",
            [f"{self.text(n)} by {a.by}" for n, a in attempts.items() if a.acknowledged_at and not stored[n]],
        )
        verdict.add(
            "stored in part or twice",
            [
                f"{self.text(n)} by {a.by}: {stored[n]} of {a.copies}"
                for n, a in attempts.items()
                if stored[n] not in {0, a.copies}
            ],
        )
        verdict.add("not numbered", [f"{self.text(r.number)} in {r.channel}" for r in rows if r.offset is None])
        verdict.add(
            "job lost",
            [self.text(n) for n, a in attempts.items() if a.handed_over_at is not None and not stored[n]],
        )

    def _judge_alerts(self, verdict: Verdict, rows: Sequence[Row], alerts: Sequence[AlertRow]) -> None:
        """Each person's list against what was published to them."""
        listed: Counter[tuple[str, int]] = Counter((alert.channel, alert.number) for alert in alerts)
        published = Counter((row.channel, row.number) for row in rows if row.channel.startswith("user:"))
        verdict.add(
            "alerts of a person differ",
            [
                f"{self.text(number)} is listed {listed[channel, number]} times, published "
                f"{published[channel, number]} times to {channel}"
                for channel, number in sorted(listed.keys() | published.keys())
                if listed[channel, number] != published[channel, number]
            ],
        )

    def _check_client_states(
        self, verdict: Verdict, rows: Sequence[Row], client_states: Mapping[str, ClientState]
    ) -> None:
        by_channel: dict[str, dict[int, int]] = defaultdict(dict)
        for row in rows:
            if row.offset is not None:
                by_channel[row.channel][row.offset] = row.number
        lost, unexpected, repeated, disorder, refused = [], [], [], [], []
        for name, client_state in client_states.items():
            disorder += [f"{name}: {case}" for case in client_state.disorder]
            refused += [f"{name}: {case}" for case in client_state.refused]
            seen: Counter[tuple[str, int]] = Counter()
            for (channel, offset), number in client_state.shown.items():
                if by_channel[channel].get(offset) != number:
                    unexpected.append(f"{name} showed {self.text(number)} at {channel} {offset}")
                seen[channel, number] += 1
            repeated += [
                f"{name} showed {self.text(number)} {times} times" for (_, number), times in seen.items() if times > 1
            ]
            lost += [
                f"{name} never showed {self.text(number)} at {channel} {offset}"
                for channel in client_state.channels
                for offset, number in by_channel[channel].items()
                if client_state.owes(channel, offset) and (channel, offset) not in client_state.shown
            ]
        verdict.add("lost", lost)
        verdict.add("unexpected", unexpected)
        verdict.add("repeated on a screen", repeated)
        verdict.add("out of order", disorder)
        verdict.add("sent away for good", refused)
