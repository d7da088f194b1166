"""The stock Channels application of ``lab/bench/baseline``, on uvicorn with its own defaults and a private Redis."""

import sys

from lab.bench.clients import Endpoint
from lab.bench.processes import Process
from lab.bench.systems.base import SERVER, System
from lab.harness.environment import BASE_DIR, clean_environment, free_port


class Baseline(System):
    """Channels as in its tutorial: the core Redis layer, one consumer per socket, nothing stored, no users."""

    name = "baseline"
    lets_in_slowly = True

    async def start(self) -> None:
        socket = await self.start_redis()
        environment = clean_environment(
            DJANGO_SETTINGS_MODULE="lab.bench.baseline.settings",
            REDIS_URL=f"unix://{socket}",
            PYTHONPATH=str(BASE_DIR),
        )
        self.port = free_port()
        uvicorn = (sys.executable, "-m", "uvicorn", "--log-level", "warning", "--timeout-graceful-shutdown", "1")
        self.serve(
            Process(
                [*uvicorn, "--port", str(self.port), "lab.bench.baseline.asgi:application"],
                core=SERVER,
                log=self.folder / "web.log",
                environment=environment,
            )
        )
        await self.start_publisher([sys.executable, "-m", "lab.bench.publishers.baseline"], environment)

    def endpoints(self, count: int) -> list[Endpoint]:
        return [self.endpoint("all")] * count

    def endpoint(self, group: str) -> Endpoint:
        """How a client comes to the group of this name."""
        return Endpoint(self.port, f"/ws/alerts/{group}/")
