"""What clients connect to: the simple endpoints, the client connection and its HTTP forms, and ``/events``.

``simple`` is ``/ws/…``, ``centrifuge`` is ``/connection/…``, ``events`` is ``/events``; ``routes`` has the URLs.
"""

from hub.endpoints.simple.endpoint import Channels, SimpleEndpoint
from hub.endpoints.simple.newest_only import NewestOnly

__all__ = ["Channels", "NewestOnly", "SimpleEndpoint"]
