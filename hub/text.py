"""Text that can be kept."""


def is_storable(text: str) -> bool:
    """Whether every database keeps ``text`` as it is: PostgreSQL takes no NUL, UTF-8 no lone surrogate."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
