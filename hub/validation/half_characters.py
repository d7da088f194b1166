"""Half characters in JSON of clients.

JavaScript counts an emoji as two characters. Of a text that was cut between them ``JSON.stringify`` makes JSON with a
``\\ud83d`` alone, which no decoder takes and nobody who typed it can see. A WebSocket does with such a text what is
done here with its JSON.
"""

import re
from collections.abc import Callable
from typing import TypeVar

import msgspec

T = TypeVar("T")

#: Everything that is escaped: a pair, a half, and what is neither.
_ESCAPED = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)


def decode(decoder: Callable[[str], T], text: str) -> T:
    """What ``decoder`` makes of the JSON in ``text``, with U+FFFD in the place of each half of a character.

    Raises what the decoder raises.
    """
    try:
        return decoder(text)
    except msgspec.DecodeError:
        whole = _ESCAPED.sub(_replacement, text)
        if whole == text:
            raise
        return decoder(whole)


def _replacement(escaped: re.Match[str]) -> str:
    return "\\ufffd" if escaped[1] else escaped[0]
