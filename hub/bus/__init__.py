"""The bus: broadcasts publications from one process to the relays of all others, over the channel layer.

``announcer`` sends and ``receiver`` receives; ``envelope`` defines the message; ``layer`` and ``redis_layer`` carry
it. ``foreign`` reads events that other code sends to the same groups.
"""

from hub.bus.foreign import event_in, simple_frame

__all__ = ["event_in", "simple_frame"]
