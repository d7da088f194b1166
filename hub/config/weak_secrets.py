"""Whether a secret could be guessed: because it is short, follows a pattern, or is the text of an example."""

import itertools
import re

#: Texts that stand in examples and on keyboards, so that their characters are no secret.
_KNOWN = re.compile(
    "change|insecure|example|placeholder|password|passwd|secret|letmein|welcome|default|qwertyuiop|qwerty|asdfghjkl"
    "|zxcvbnm|postgres|administrator|admin|only-for-this|only-while|your[-_]",
    re.IGNORECASE,
)

#: Characters after which the next one is known when they have stood in the text before.
_REPEAT = 3


def is_guessable(secret: str, *, length: int, variety: int) -> bool:
    """Whether ``secret`` has fewer than ``length`` characters, fewer than ``variety`` different ones, or a pattern.

    A pattern is what one character tells about the next: repeats (``abcabc``), rows (``1234``, ``zyxw``, ``aaaa``) and
    well-known words. At least seven in ten of the characters asked for have to be none. What a random generator makes
    passes; a sentence in a natural language may pass too.
    """
    return len(secret) < length or len(set(secret)) < variety or unforeseeable(secret) < length * 0.7


def unforeseeable(text: str) -> int:
    """How many characters of ``text`` do not follow from those before them. Takes time in proportion to its length."""
    free = _KNOWN.sub("", text)
    seen: set[str] = set()
    number = 0
    for end in range(1, len(free) + 1):
        last = free[max(0, end - _REPEAT) : end]
        number += last not in seen and not _is_row(last)
        if len(last) == _REPEAT:
            seen.add(last)
    return number


def _is_row(text: str) -> bool:
    """Whether the three characters are the same, or each is the next of the one before, up or down."""
    steps = {ord(right) - ord(left) for left, right in itertools.pairwise(text)}
    return len(text) == _REPEAT and len(steps) == 1 and abs(steps.pop()) <= 1
