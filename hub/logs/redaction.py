"""Takes secrets out of text on its way into a log."""

import re

#: What stands in a log where a secret was.
REMOVED = "[removed]"

# Whoever writes to the hub decides what some lines hold, so each pattern takes time in proportion to the line: it
# starts with fixed text and has no two repetitions that could share a stretch of it.
_NAMES = r"(?:token|password|passwd|secret|secret_key|api[_-]?key|session(?:id)?|csrf(?:token)?)"
_QUOTE = r"""(?:\\?["'])"""

_PATTERNS = (
    # ?token=…, access_token%3D…, password=…
    re.compile(rf"(?P<keep>{_NAMES}(?:=|%3D)(?:b?{_QUOTE})?)[^&\s\"'\\<>,;)\]}}]+", re.IGNORECASE),
    # "token": "…" in JSON and in the text of a dict
    re.compile(rf"(?P<keep>{_NAMES}{_QUOTE}\s*:\s*b?{_QUOTE})[^\"'\\]+", re.IGNORECASE),
    # Authorization: Bearer …, (b'authorization', b'Bearer …')
    re.compile(
        rf"(?P<keep>(?:authorization|x-api-key){_QUOTE}?\s*[:=,]\s*(?:b?{_QUOTE})?"
        r"(?:(?:bearer|basic|token|apikey|digest)\s+)?)[^\s\"'\\,;)\]}]+",
        re.IGNORECASE,
    ),
    re.compile(r"(?P<keep>\bbearer\s+)[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE),
    # scheme://user:password@host
    re.compile(r"(?P<keep>://[^\s:/@\"']*:)[^\s/\"'<>]+(?=@)"),
)


def redact(text: str) -> str:
    """``text`` without tokens, passwords and keys, each replaced by ``[removed]``.

    Knows them by what stands before them (``token=``, ``Authorization:``, ``Bearer``, ``user:…@`` in an address), so
    it is the second line of defence: code that holds a secret does not log it.
    """
    for pattern in _PATTERNS:
        text = pattern.sub(rf"\g<keep>{REMOVED}", text)
    return text
