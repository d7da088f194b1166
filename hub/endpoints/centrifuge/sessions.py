"""Finds the clients of this process whose commands come by ``/emulation``. The key is a secret of the client."""

import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hub.endpoints.centrifuge.client import Client

_clients: dict[str, "Client"] = {}
_secrets: dict["Client", str] = {}


def open_for(client: "Client") -> str:
    """Create a session for ``client``. A request with this secret sends commands for the client."""
    secret = secrets.token_urlsafe(24)
    _clients[secret] = client
    _secrets[client] = secret
    return secret


def find(session: str) -> "Client | None":
    """The client of a session of this process."""
    return _clients.get(session)


def close(client: "Client") -> None:
    """Remove the session of a client; does nothing if it has none."""
    if secret := _secrets.pop(client, None):
        del _clients[secret]
