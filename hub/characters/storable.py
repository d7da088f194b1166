"""Text that every database keeps and every client reads."""


def is_storable(text: str) -> bool:
    """Whether every database keeps ``text`` as it is: PostgreSQL takes no NUL, UTF-8 no lone surrogate."""
    return "\0" not in text and (text.isascii() or not any("\ud800" <= one <= "\udfff" for one in text))


def storable(text: str) -> str:
    """``text`` as every database keeps it: without NUL, and with a question mark for a lone surrogate."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()
