"""What is published of rows."""

from typing import Any

import msgspec


class RowCreated(msgspec.Struct, tag="live_rows.row_created"):
    """A row was made, or has come into the channel."""

    item: dict[str, Any]


class RowUpdated(msgspec.Struct, tag="live_rows.row_updated"):
    """A row of the channel has changed."""

    item: dict[str, Any]


class RowDeleted(msgspec.Struct, tag="live_rows.row_deleted"):
    """A row was deleted, or has left the channel; ``removed`` is its key."""

    removed: Any
