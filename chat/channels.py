"""The channel of a room."""

from hub.channels import Namespace, register

ROOM = register(Namespace("room"))


def of_room(room_id: object) -> str:
    """Made from the id, not from the name, which people choose."""
    return f"{ROOM.name}:{room_id}"
