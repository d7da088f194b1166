"""How widgets connect."""

from hub.config import hub_settings

#: In the order in which a browser tries them; each is at ``/connection/<name>``.
TRANSPORTS = ("websocket", "http_stream", "sse")


def transports() -> list[str]:
    """Those that ``HUB_ENDPOINTS`` has."""
    return [name for name in TRANSPORTS if f"connection/{name}" in hub_settings().endpoints]
