"""The database takes no writes for 10 s: SQLite is locked by somebody else, PostgreSQL is stopped and started again.

No success is said that is none, sockets stay open, and all is well within 30 s of its return.
"""

import asyncio

from lab.chaos.experiment import Experiment
from lab.chaos.faults.base import Fault
from lab.chaos.threads import in_thread

SECONDS, WELL_LIMIT = 10.0, 30.0


class DatabaseAway(Fault):
    """The database takes no writes."""

    name = "database-away"
    seconds = 20.0
    sizes = (0.2, 0.6)

    async def inject(self, experiment: Experiment, size: float) -> None:
        hub = experiment.hub
        entered = {client: client.entered for client in experiment.crowd}
        await in_thread(hub.database.break_)
        try:
            await asyncio.sleep(SECONDS * size)
            gone = [client.name for client in experiment.crowd if not client.live or client.entered != entered[client]]
            experiment.must(not gone, f"{len(gone)} sockets closed while {hub.database.name} was away")
        finally:
            await in_thread(hub.database.heal)
        took = await in_thread(hub.wait_until_well, WELL_LIMIT)
        experiment.notes.append(f"all well after {took:.1f} s")
        await experiment.everybody_receives(within=WELL_LIMIT)
