"""Fan-out: brings publications to the sockets of this process.

``relay`` receives the publications of all channels. ``local_channel`` puts those of one channel in order and writes
them to its subscribers; ``catch_up`` reads what did not arrive. ``frames`` encodes each frame once for all sockets.
``received`` counts whom something came to.
``recovery`` reads what a returning client missed. ``inbox`` has messages handled that are for the process itself,
``listening`` hears what clients hear too, and ``survey`` asks all processes a question.
"""

from typing import TYPE_CHECKING, Any

from hub.fanout.frames import FrameBatch

if TYPE_CHECKING:
    from hub.fanout.listening import ProcessListener

__all__ = ["FrameBatch", "ProcessListener"]


def __getattr__(name: str) -> Any:
    # It needs rows, and the web server needs frames before the apps are ready.
    if name == "ProcessListener":
        from hub.fanout.listening import ProcessListener

        return ProcessListener
    raise AttributeError(name)
