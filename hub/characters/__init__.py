"""What people see of a text: whether anything, and which texts they take for each other; and what is kept of it.

``visible`` knows the characters that show nothing, ``skeletons`` the texts that look alike,
``storable`` those that no database keeps.
"""

from hub.characters.skeletons import look_alike, normal, skeletons
from hub.characters.storable import is_storable, storable
from hub.characters.visible import is_visible, shows_nothing

__all__ = ["is_storable", "is_visible", "look_alike", "normal", "shows_nothing", "skeletons", "storable"]
