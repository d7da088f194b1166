"""Publishing from synchronous code: what one call costs a program that is no server."""

from fractions import Fraction

from lab.bench.figures import median
from lab.bench.lines import BASELINE, HUB, LESS, Line, Target, at_most, at_most_times
from lab.bench.run import Bench

CALLS = 200

#: The lines, named as the publisher of the hub names what it measures.
ANNOUNCE = "announce, until Redis has it"
GROUP_SEND = "async_to_sync(group_send) on the hub's layer"
OTHERS = ("announce, until the call returns", "notify(to=user)", GROUP_SEND)

SHARE = Fraction(1, 7)


async def measure(bench: Bench) -> list[Line]:
    """Milliseconds per call. The baseline is ``async_to_sync(group_send)`` on the stock layer."""
    announce = Line("publish", ANNOUNCE, "ms", LESS, {})
    others = {name: Line("publish", name, "ms", LESS, {}) for name in OTHERS}
    for system in bench.chosen():
        if system.name not in (HUB, BASELINE):
            continue
        async with system.running(), system.fleet(1):
            runs = [await system.publisher.ask("costs", calls=CALLS) for _ in range(bench.runs)]
        if system.name == BASELINE:
            announce.values[BASELINE] = [cost for run in runs for cost in run.values()]
            continue
        for name, line in {ANNOUNCE: announce, **others}.items():
            line.values[HUB] = [run[name] for run in runs]
    announce.targets = (at_most(0.3), at_most_times(SHARE, BASELINE), _less_than_on_our_layer(others[GROUP_SEND]))
    return [announce, *others.values()]


def _less_than_on_our_layer(group_send: Line) -> Target:
    """The same comparison with the hub's own layer, which is quicker than the stock one."""
    sent = group_send.values.get(HUB)
    limit = float(median(sent) * SHARE) if sent else 0.0
    return Target(
        f"≤ {SHARE} × group_send on the hub's layer", lambda line: (line.of(HUB) or 0) <= limit if sent else None
    )
