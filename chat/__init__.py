"""Rooms and what people write in them.

``provide_room`` gives a room of yours, ``post_message`` writes in it in the name of a person, ``post_notice`` in that
of the system. They may be imported anywhere after Django's apps are configured.
"""

from typing import TYPE_CHECKING

from hub.faces import exported

if TYPE_CHECKING:
    from chat.actions import post_message, post_notice, provide_room

__all__ = ["post_message", "post_notice", "provide_room"]

__getattr__ = exported(__name__, dict.fromkeys(__all__, "actions"))
