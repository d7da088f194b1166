"""What a kind may have as its icon: a name of the hub's own set, or an emoji or two characters. Never an address.

Widgets show anything else as the icon of the level, and ``manage.py check`` says so.
"""

import unicodedata

#: The symbols of ``static/hub/icons/icons.svg``; ``static/hub/js/components/kind-icon.js`` has the same.
ICONS = frozenset(
    [
        "archive",
        "arrow",
        "bell",
        "calendar",
        "card",
        "cart",
        "chat",
        "check",
        "clock",
        "close",
        "debug",
        "device",
        "down",
        "error",
        "file",
        "gift",
        "heart",
        "inbox",
        "info",
        "key",
        "lock",
        "menu",
        "mute",
        "people",
        "search",
        "send",
        "star",
        "success",
        "tag",
        "topic",
        "truck",
        "unread",
        "warning",
    ]
)

#: Characters of a text, and code points of an emoji: a family or a flag has several that are drawn as one.
SHORT, EMOJI = 2, 10


def is_sign(icon: str) -> bool:
    """Whether it is shown as it is: an emoji, or a text of at most two characters."""
    categories = [unicodedata.category(character) for character in icon]
    if len(icon) <= SHORT:
        return icon != "" and not any(one[0] == "Z" or one in ("Cc", "Cf", "Cs") for one in categories)
    # Keycaps have a digit, families and flags of regions characters of Cf, and some a colour of the skin (Sk).
    return len(icon) <= EMOJI and not any(one[0] in "LPZ" or one in ("Cc", "Cs", "Sm", "Sc") for one in categories)
