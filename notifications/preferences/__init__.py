"""What people choose: which kinds they get and in which way, their language and their time zone.

``change`` chooses for a person, ``preferences_of`` says what holds for them. ``stored`` changes it, ``choosing`` and
``quiet_hours`` read it for many when something is sent, ``methods`` are the ways to a person; ``messages`` and
``views`` are what clients and the page of it say.
"""

from typing import TYPE_CHECKING

from hub.faces import exported

if TYPE_CHECKING:
    from notifications.preferences.quiet_hours import Hours
    from notifications.preferences.stored import NotChosen, Wish, change, preferences_of

__all__ = ["Hours", "NotChosen", "Wish", "change", "preferences_of"]

__getattr__ = exported(__name__, dict.fromkeys(__all__, "stored") | {"Hours": "quiet_hours"})
