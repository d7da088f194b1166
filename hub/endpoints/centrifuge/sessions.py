"""Finds the clients of this process whose commands come by ``/emulation``, by the secret of each.

The protocol calls this secret ``session``; it is no :class:`hub.session.session.Session`.
"""

import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hub.endpoints.centrifuge.client import Client

_clients: dict[str, "Client"] = {}
_secrets: dict["Client", str] = {}


def open_for(client: "Client") -> str:
    """Make a secret for ``client``. A request with it sends commands for the client."""
    secret = secrets.token_urlsafe(24)
    _clients[secret] = client
    _secrets[client] = secret
    return secret


def find(session: str) -> "Client | None":
    """The client of this process that has the secret ``session``."""
    return _clients.get(session)


def close(client: "Client") -> None:
    """Forget the secret of a client; does nothing if it has none."""
    if secret := _secrets.pop(client, None):
        del _clients[secret]
