"""Finds the clients of this process whose commands come by ``/emulation``, by the secret of each.

Each process can tell that one of them has made it, and so passes nothing on for who makes up secrets.

The protocol calls this secret ``session``; it is no :class:`hub.session.session.Session`.
"""

import secrets
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac

if TYPE_CHECKING:
    from hub.endpoints.centrifuge.client import Client

#: Random bytes of a secret, their characters, and those of the mark behind them: 64 characters together.
_RANDOM_BYTES, _RANDOM_LENGTH, _MARK_LENGTH = 24, 32, 32

_clients: dict[str, "Client"] = {}
_secrets: dict["Client", str] = {}


def open_for(client: "Client") -> str:
    """Make a secret for ``client``. A request with it sends commands for the client."""
    random = secrets.token_urlsafe(_RANDOM_BYTES)
    secret = random + _mark(random, settings.SECRET_KEY)
    _clients[secret] = client
    _secrets[client] = secret
    return secret


def is_ours(session: str) -> bool:
    """Whether a process of this hub has made the secret ``session``; its client may be gone."""
    random, mark = session[:_RANDOM_LENGTH], session[_RANDOM_LENGTH:]
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return any(constant_time_compare(mark, _mark(random, key)) for key in keys)


def _mark(random: str, key: str | bytes) -> str:
    return salted_hmac("hub.emulation", random, secret=key, algorithm="sha256").hexdigest()[:_MARK_LENGTH]


def find(session: str) -> "Client | None":
    """The client of this process that has the secret ``session``."""
    return _clients.get(session)


def close(client: "Client") -> None:
    """Forget the secret of a client; does nothing if it has none."""
    if secret := _secrets.pop(client, None):
        del _clients[secret]
