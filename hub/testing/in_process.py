"""No Redis and no broker while a function of this package is at work: all stays in the process of the test."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from channels.layers import InMemoryChannelLayer, channel_layers
from django.apps import apps
from django.conf import settings

from hub.bus.announcer import flush
from hub.config.layers import ALIAS
from hub.limits import rates


class InProcess:
    """Counts who needs it: the first one brings the memory, the last one gives back what the settings say."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._replaced = ExitStack()

    def enter(self) -> None:
        """Stay in this process from now on, until as many calls of :meth:`leave`."""
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._replaced.enter_context(_layer_in_memory())
                self._replaced.enter_context(rates.counted_apart())
                if apps.is_installed("worker"):
                    from worker import sending

                    self._replaced.enter_context(sending.held())

    def leave(self) -> None:
        """Give back what :meth:`enter` has replaced. Not on an event loop: it waits for what is under way."""
        with self._lock:
            self._users -= 1
            if not self._users:
                flush()
                self._replaced.close()


in_process = InProcess()


@contextmanager
def _layer_in_memory() -> Iterator[None]:
    """The hub's channel layer in the memory of this process, and empty."""
    name = ALIAS if ALIAS in getattr(settings, "CHANNEL_LAYERS", {}) else "default"
    before = channel_layers.set(name, InMemoryChannelLayer())
    try:
        yield
    finally:
        channel_layers.backends.pop(name, None)
        if before is not None:
            channel_layers.set(name, before)
