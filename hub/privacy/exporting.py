"""Telling what the hub holds of a person."""

from typing import Any

from hub.privacy.parts import parts
from hub.users import User, display_name, user_id


def export(user: User) -> dict[str, Any]:
    """What the hub holds of ``user``, as JSON has it: what the apps say by name, beside ``id`` and ``name``.

    It is all in memory: of somebody who wrote much, many megabytes.
    """
    told: dict[str, Any] = {"id": user_id(user), "name": display_name(user)}
    return told | {part.name: part.export(user) for part in parts()}
