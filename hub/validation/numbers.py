"""Whole numbers that every client reads as they are: JavaScript rounds longer ones, without a word."""

import json
import re

#: JavaScript counts one by one up to here, and down to the negative of it.
LARGEST = 2**53 - 1

#: What is wrong with a longer one, and what to do.
SENTENCE = f"has a whole number beyond {LARGEST:,}, which browsers round: write long numbers as text"

#: As many digits as the shortest number that is too long has. Most JSON has none of these, and is not read.
_MANY_DIGITS = re.compile(r"[0-9]{16}")


def is_rounded(text: str) -> bool:
    """Whether some client rounds a whole number in this JSON. Texts, keys and numbers with a fraction may be long."""
    if not _MANY_DIGITS.search(text):
        return False
    found: list[str] = []

    def note(digits: str) -> int:
        if len(digits) > 17 or abs(int(digits)) > LARGEST:
            found.append(digits)
        return 0

    try:
        json.loads(text, parse_int=note)
    except RecursionError:
        return False  # nobody reads that deep
    return bool(found)
