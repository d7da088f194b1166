"""One run of the bench: how often each figure is taken, and of which systems."""

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from lab.bench import machine
from lab.bench.lines import Line
from lab.bench.machine import CpuShare
from lab.bench.systems.base import System
from lab.bench.systems.baseline import Baseline
from lab.bench.systems.hub import Hub
from lab.bench.systems.nats import Nats
from lab.bench.systems.nchan import Nchan
from lab.bench.systems.socketio import SocketIo

#: Every system that can be measured; those that are not installed are left out.
SYSTEMS: tuple[type[System], ...] = (Hub, Baseline, Nchan, Nats, SocketIo)


@dataclass
class Bench:
    """What the rows share.

    Args:
        runs: how often a figure is taken, unless its row says otherwise; the table shows the median.
        systems: names of the systems to measure.
    """

    runs: int
    systems: Sequence[str]

    def chosen(self) -> list[System]:
        """A new system of every kind to measure, the hub first."""
        return [kind() for kind in SYSTEMS if kind.name in self.systems]

    def watch(self, system: System, line: Line, name: str = "") -> AbstractContextManager[CpuShare]:
        """Add to ``line`` how busy the processes that serve and those that generate load are during the block.

        ``name``: in the line, where that is not the system's own.
        """
        share = line.cpu.setdefault(name or system.name, CpuShare())
        return machine.watch_cpu(system.server_pids(), [os.getpid(), system.publisher.pid], share)
