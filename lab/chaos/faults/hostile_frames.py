"""A minute of hostile frames, handshakes, heads and bodies, from a process that does nothing else.

The event loops, and so everybody else's answers, stay near what they were, and no traceback is in any log.
"""

import asyncio
import sys
from urllib.parse import urlsplit

from lab.chaos.experiment import Experiment
from lab.chaos.faults.base import Fault
from lab.chaos.faults.hostile_input import tracebacks
from lab.chaos.probes import loop_lateness, percentile
from lab.harness.environment import BASE_DIR, ending_with_us

SECONDS, QUIET = 60.0, 3.0

#: How much later than in quiet times the slowest of a hundred answers may be, and what is no delay at all, in seconds.
FACTOR, FLOOR = 3.0, 0.05


class HostileFrames(Fault):
    """Somebody breaks the rules of HTTP and WebSockets as fast as they can."""

    name = "hostile-frames"
    seconds = SECONDS
    seconds_at_least = 15.0
    sizes = (0.1, 0.2)
    mixes = False

    async def inject(self, experiment: Experiment, size: float) -> None:
        hub = experiment.hub
        before = tracebacks(hub)
        async with loop_lateness(hub.webs) as late:
            await asyncio.sleep(QUIET)  # what is quiet is measured, not waited for
            quiet = percentile(late, 0.99)
            late.clear()
            port = urlsplit(hub.webs[0].ws_url).port
            command = [sys.executable, "-m", "lab.chaos.hostile_wire", str(port), str(SECONDS * size)]
            process = await asyncio.create_subprocess_exec(
                *ending_with_us([*command, str(experiment.chance.getrandbits(32))]),
                cwd=BASE_DIR,
                stdout=asyncio.subprocess.PIPE,
            )
            sent, _ = await process.communicate()
            injected = percentile(late, 0.99)
        number = sent.decode().strip()
        experiment.notes.append(
            f"{number} hostile connections, pings p99 {quiet * 1000:.0f} → {injected * 1000:.0f} ms"
        )
        experiment.must_take(injected, less_than=max(FACTOR * quiet, FLOOR), what="among hostile clients pings p99")
        found = tracebacks(hub) - before
        experiment.must(found == 0, f"{found} tracebacks in the logs of the web processes")
