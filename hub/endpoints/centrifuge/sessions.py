"""The clients of this process whose commands come by ``/emulation``, by a secret that only they know."""

import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hub.endpoints.centrifuge.client import Client

#: This process among all web processes. Made anew when it starts.
NODE = secrets.token_hex(8)

_clients: dict[str, "Client"] = {}
_secrets: dict["Client", str] = {}


def open_for(client: "Client") -> str:
    """A session for ``client``: whoever has it speaks for the client."""
    secret = secrets.token_urlsafe(24)
    _clients[secret] = client
    _secrets[client] = secret
    return secret


def find(session: str) -> "Client | None":
    """The client of a session of this process."""
    return _clients.get(session)


def close(client: "Client") -> None:
    """The client is gone; harmless when it has no session."""
    if secret := _secrets.pop(client, None):
        del _clients[secret]
