"""Characters that show nothing, and text in which nothing is seen."""

import unicodedata

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
