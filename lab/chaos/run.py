"""A run of the schedule on a hub, from its start to the verdict."""

import asyncio
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from lab.chaos.experiment import Experiment, experiment
from lab.chaos.faults import FAULTS
from lab.chaos.ledger import Verdict
from lab.chaos.leniency import EXACTLY, Leniency
from lab.chaos.parts import Hub
from lab.chaos.people import People
from lab.chaos.schedule import Injection
from lab.chaos.threads import in_thread

#: Seconds of calm before the verdict, so that the last fault has its effects.
CALM_AT_END = 3.0

#: Seconds until the hub is well after a fault. Celery's worker looks for a broker that was away long every 30 s only.
WELL_LIMIT = 60.0


@dataclass(slots=True)
class Injected:
    """What came of one injection."""

    what: str
    took: float
    notes: list[str] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Result:
    """What came of a run."""

    injections: list[Injected]
    verdict: Verdict
    #: How often clients' connections ended by close code, and how often there was none by reason.
    closed: dict[int, int]
    failed: dict[str, int]


async def run(
    hub: Hub,
    people: People,
    injections: Sequence[Injection],
    *,
    seed: int,
    clients: int = 100,
    calm: float = CALM_AT_END,
    leniency: Leniency = EXACTLY,
) -> Result:
    """Let ``injections`` happen to a hub that is well, under load; prints each as it comes.

    Args:
        seed: decides what clients, publishers and faults choose by chance.
        calm: seconds between the last injection and the end of publishing.
        leniency: what limits are held to.
    """
    done: list[Injected] = []
    async with experiment(hub, people, seed=seed, clients=clients, leniency=leniency) as what:
        began = time.monotonic()
        for injection in injections:
            await asyncio.sleep(max(0.0, injection.at - (time.monotonic() - began)))
            print(injection, flush=True)
            done.append(await _inject(what, injection))
            for finding in done[-1].findings:
                print(f"          {finding}", flush=True)
        await asyncio.sleep(calm)
        await what.everybody_is_back(within=30)
        verdict = await what.verdict()
        closed, failed = Counter[int](), Counter[str]()
        for client in what.crowd:
            closed += client.closed
            failed += client.failed
    return Result(done, verdict, dict(closed), dict(failed))


async def _inject(what: Experiment, injection: Injection) -> Injected:
    """Let the faults of one injection happen; a fault that fails by itself is a finding, and the run goes on."""
    notes, findings = len(what.notes), len(what.findings)
    what.strict = len(injection.faults) == 1
    began = time.monotonic()
    results = await asyncio.gather(
        *(FAULTS[name].inject(what, size) for name, size in injection.faults), return_exceptions=True
    )
    for (name, _), result in zip(injection.faults, results, strict=True):
        if isinstance(result, BaseException):
            what.findings.append(f"{name} failed: {''.join(traceback.format_exception(result))}")
    what.strict = True
    try:
        await in_thread(what.hub.wait_until_well, WELL_LIMIT)
    except AssertionError as late:
        what.findings.append(f"the hub is not well after {injection}: {late}")
    return Injected(str(injection), time.monotonic() - began, what.notes[notes:], what.findings[findings:])
