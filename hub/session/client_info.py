"""What others see of a client."""

import msgspec
from msgspec import UNSET, Raw, UnsetType

#: JSON as it was sent, or nothing.
Json = Raw | UnsetType


class ClientInfo(msgspec.Struct, omit_defaults=True, kw_only=True):
    """Who published, came, left or is there. ``user`` is empty for guests."""

    client: str
    user: str
    conn_info: Json = UNSET
    chan_info: Json = UNSET


class ClientJoined(msgspec.Struct, tag="hub.client_joined", kw_only=True):
    """A user joined a channel with presence, with the first connection. Ephemeral."""

    info: ClientInfo


class ClientLeft(msgspec.Struct, tag="hub.client_left", kw_only=True):
    """A user left a channel with presence, with the last connection. Ephemeral."""

    info: ClientInfo
