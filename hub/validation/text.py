"""Text that can be kept, and text that can be seen."""

import re
import unicodedata

#: Characters of one message that people write: in a room, or as an alert.
MESSAGE_LIMIT = 4000

#: A NUL in JSON text; an even number of backslashes before it would make it a backslash and letters.
_ESCAPED_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")

#: Unicode's property Default_Ignorable_Code_Point: shown as nothing where a font does not know better.
_IGNORABLE = (
    (0xAD, 0xAD),
    (0x34F, 0x34F),
    (0x61C, 0x61C),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFF8),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
)

#: A pattern of no dots: a symbol, and blank.
_BLANK = "\u2800"

#: Categories that show nothing by themselves: spaces and line ends, controls, marks that stand on something else.
_BARE = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Mn", "Me"})


def is_storable(text: str) -> bool:
    """Whether every database keeps ``text`` as it is: PostgreSQL takes no NUL, UTF-8 no lone surrogate."""
    return "\0" not in text and (text.isascii() or not any("\ud800" <= one <= "\udfff" for one in text))


def storable(text: str) -> str:
    """``text`` as every database keeps it: without NUL, and with a question mark for a lone surrogate."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def is_storable_json(text: str) -> bool:
    """Whether every database keeps the JSON in ``text`` as it is: :func:`is_storable`, also for what is escaped."""
    return is_storable(text) and not _ESCAPED_NUL.search(text)


def is_visible(text: str) -> bool:
    """Whether somebody who looks at ``text`` sees anything: one character at least that is more than blank."""
    return any(
        not shows_nothing(character) and character != _BLANK and unicodedata.category(character) not in _BARE
        for character in text
    )


def shows_nothing(character: str) -> bool:
    """Whether Unicode lets programs show ``character`` as nothing, not even as a space."""
    if character < "\xad":
        return False
    return any(first <= ord(character) <= last for first, last in _IGNORABLE)
