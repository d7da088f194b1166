"""One line of the table: what was measured, for every system, and what it must reach."""

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from lab.bench.figures import median, readable
from lab.bench.machine import CpuShare

HUB, BASELINE = "hub", "baseline"

MORE: Literal["more"] = "more"
LESS: Literal["less"] = "less"


@dataclass(frozen=True)
class Target:
    """What the hub must reach. ``reached`` is None where what it is compared with was not measured."""

    text: str
    reached: "Callable[[Line], bool | None]"


@dataclass
class Line:
    """A figure with the values of every run, by system.

    Args:
        row: the row of ``--rows`` that it belongs to.
        better: ``more`` for deliveries per second, ``less`` for milliseconds.
        targets: all of them must be reached.
        notes: what a reader has to know about these figures, by system.
    """

    row: str
    what: str
    unit: str
    better: Literal["more", "less"]
    values: dict[str, list[float]]
    targets: tuple[Target, ...] = ()
    notes: dict[str, str] = field(default_factory=dict)
    cpu: dict[str, CpuShare] = field(default_factory=dict)

    def of(self, system: str) -> float | None:
        """The median of a system's runs; None where it was not measured."""
        return median(self.values[system]) if self.values.get(system) else None

    def ratio(self, system: str) -> float | None:
        """How many times better than ``system`` the hub is: above 1 is better, for both kinds of figures."""
        ours, theirs = self.of(HUB), self.of(system)
        if not ours or not theirs:
            return None
        return ours / theirs if self.better == MORE else theirs / ours

    @property
    def peers(self) -> list[str]:
        """The other systems that were measured, the best first."""
        names = [name for name, runs in self.values.items() if name not in (HUB, BASELINE) and runs]
        return sorted(names, key=lambda name: self.of(name) or 0.0, reverse=self.better == MORE)

    @property
    def reached(self) -> bool | None:
        """Whether the targets were reached: False if one was not, None if one cannot be judged."""
        verdicts = [target.reached(self) for target in self.targets]
        if not verdicts or False in verdicts:
            return False if verdicts else None
        return None if None in verdicts else True


def at_least(value: float) -> Target:
    """The hub's figure is not below ``value``."""
    return Target(f"≥ {readable(value)}", lambda line: None if (ours := line.of(HUB)) is None else ours >= value)


def at_most(value: float) -> Target:
    """The hub's figure is not above ``value``."""
    return Target(f"≤ {readable(value)}", lambda line: None if (ours := line.of(HUB)) is None else ours <= value)


def at_least_times(factor: float | Fraction, system: str) -> Target:
    """The hub's figure is not below ``factor`` times that of ``system``."""
    return Target(f"≥ {factor} × {system}", lambda line: _compare(line, system, lambda us, it: us >= factor * it))


def at_most_times(factor: float | Fraction, system: str) -> Target:
    """The hub's figure is not above ``factor`` times that of ``system``."""
    return Target(f"≤ {factor} × {system}", lambda line: _compare(line, system, lambda us, it: us <= factor * it))


def _compare(line: Line, system: str, holds: Callable[[float, float], bool]) -> bool | None:
    ours, theirs = line.of(HUB), line.of(system)
    return None if ours is None or theirs is None else holds(ours, theirs)
