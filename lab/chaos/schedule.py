"""Which faults are injected when: drawn at random from a seed, so that a run can be repeated. No I/O."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lab.chaos.faults.base import Fault

#: Seconds without a fault: at the beginning, between two, and at the end for what is still under way.
CALM = 1.0, 4.0

#: The share of faults that are injected together with another one.
TOGETHER = 0.2


@dataclass(frozen=True, slots=True)
class Injection:
    """One or two faults by name, each with its size, ``at`` so many seconds after the beginning."""

    at: float
    faults: tuple[tuple[str, float], ...]

    def __str__(self) -> str:
        return f"{self.at:6.1f} s  " + " together with ".join(f"{name} ({size:.0%})" for name, size in self.faults)


def plan(seed: int, seconds: float, faults: Mapping[str, Fault]) -> list[Injection]:
    """Strikes that take about ``seconds`` together. The same arguments give the same plan.

    Every fault comes once before any comes twice, as far as the time goes; none that is too long for what is left.
    """
    chance = random.Random(seed)
    injections: list[Injection] = []
    waiting: list[str] = []
    at = chance.uniform(*CALM)
    while True:
        waiting = waiting or chance.sample(sorted(faults), len(faults))
        fitting = [name for name in waiting if at + _least(faults[name]) <= seconds]
        if not fitting:
            waiting = []
            if not any(at + _least(fault) <= seconds for fault in faults.values()):
                return injections
            continue
        names = [fitting[0], *_company(fitting, faults, chance)]
        for name in names:
            waiting.remove(name)
        chosen = tuple((name, round(chance.uniform(*faults[name].sizes), 2)) for name in names)
        injections.append(Injection(round(at, 1), chosen))
        at += max(faults[name].length(size) for name, size in chosen) + chance.uniform(*CALM)


def whole_table(faults: Sequence[str]) -> list[Injection]:
    """Each fault once and alone, at its full length."""
    return [Injection(0.0, ((name, 1.0),)) for name in faults]


def _least(fault: Fault) -> float:
    return fault.length(fault.sizes[0])


def _company(names: Sequence[str], faults: Mapping[str, Fault], chance: random.Random) -> list[str]:
    """Another fault to inject together with the first of ``names``, now and then."""
    others = [name for name in names[1:] if faults[name].mixes]
    if not faults[names[0]].mixes or not others or chance.random() >= TOGETHER:
        return []
    return [chance.choice(others)]
