"""The names of the channels of rooms."""

NAMESPACE = "room"


def of_room(room_id: object) -> str:
    """Made from the id, not from the name, which people choose."""
    return f"{NAMESPACE}:{room_id}"
