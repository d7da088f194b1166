"""The node and its parts, loops, tasks, batches and threads. Knows nothing of the hub.

``node`` owns the parts of a process. ``background`` runs loops and ``tasks`` short tasks, ``wheel`` visits many by one
timer, ``batcher`` asks for many things at once, and ``faults`` says who has to answer for an error.
"""

from hub.concurrency.background import Background
from hub.concurrency.faults import is_everybodys
from hub.concurrency.node import Part

__all__ = ["Background", "Part", "is_everybodys"]
