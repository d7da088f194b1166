"""The arguments of a job as people see them: no secrets."""

import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

from hub.logs.redaction import redact
from worker.application import task_named
from worker.jobs import shortened
from worker.named_people import names_of

#: What stands where a secret was.
MASK: Final = "•••"

#: Characters of all arguments together, and of one.
LIMIT, ONE_LIMIT = 2000, 200

#: Characters of a text, and members of a list, that are looked at at all.
_TEXT_LIMIT, _MEMBERS_LIMIT = 10_000, 100

#: Names of what people must not see.
_SECRET = re.compile(
    r"passw|passphrase|pwd|secret|token|credential|authori[sz]ation|cookie|session|csrf|signature|private"
    r"|(?:^|[^a-z])(?:key|auth|pass|jwt|bearer|pin|otp|iban|cvv|cvc)(?:$|[^a-z])|api_?key|card_?number",
    re.IGNORECASE,
)


def is_secret(name: str) -> bool:
    """Whether what is called so is a secret."""
    return _SECRET.search(name) is not None


def hidden(name: str, value: Any) -> Any:
    """JSON values with :data:`MASK` in the place of each secret: by its name, or by its form."""
    if is_secret(name):
        return MASK
    match value:
        case dict() if any(redact(key) != key for key in value):  # no name can be hidden by itself
            return MASK
        case dict():
            return {key: hidden(key, one) for key, one in value.items()}
        case list():
            return [hidden("", one) for one in value]
        case str() if redact(value) != value:  # such as a password in an address
            return MASK
    return value


def hidden_call(task: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """The arguments of a call of the task, each as :func:`hidden` has it."""
    positional = [hidden(name, value) for name, value in zip(names_of(task, args), args, strict=True)]
    return positional, {name: hidden(name, value) for name, value in kwargs.items()}


def shown(task: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    """Arguments as text, ``path="/tmp/a.csv", token=•••``: what is called like a secret is masked, at any depth.

    Positional ones of a task that this process does not know are left out: any of them may be a secret.
    """
    is_unknown = bool(args) and task_named(task) is None
    named = () if is_unknown else zip(names_of(task, args), args, strict=True)
    parts = [f"{name}={_text(name, value)}" if name else _text("", value) for name, value in (*named, *kwargs.items())]
    if is_unknown:
        parts.insert(0, "…")
    return shortened(", ".join(parts), LIMIT)


def without_secrets(text: str, args: Sequence[Any], kwargs: Mapping[str, Any], task: str) -> str:
    """A text, such as that of an error, without the secrets among these arguments, and what looks like one."""
    named = zip(names_of(task, args), args, strict=True)
    text = text[:_TEXT_LIMIT]
    for secret in sorted(_secrets([*named, *kwargs.items()]), key=len, reverse=True):
        text = text.replace(secret, MASK)
    return redact(text)


def _text(name: str, value: Any) -> str:
    if _SECRET.search(name):
        return MASK
    try:
        text = redact(json.dumps(_masked(value), ensure_ascii=False, default=str)[:_TEXT_LIMIT])
    except (TypeError, ValueError, RecursionError):
        return "…"
    return text if len(text) <= ONE_LIMIT else f"{text[:ONE_LIMIT]}…"


def _masked(value: Any) -> Any:
    match value:
        case Mapping():
            some = islice(value.items(), _MEMBERS_LIMIT)
            return {str(name): MASK if _SECRET.search(str(name)) else _masked(one) for name, one in some}
        case list() | tuple():
            return [_masked(one) for one in value[:_MEMBERS_LIMIT]]
        case str():
            return value[:_TEXT_LIMIT]
    return value


def _secrets(named: Sequence[tuple[str, Any]]) -> set[str]:
    """The texts and numbers that are secrets: by their name, or by that of what they are in, at any depth.

    Short ones are left: they would be found in any text.
    """
    found: set[str] = set()
    left = [(name, value, False) for name, value in named]
    while left:  # no recursion: the arguments of a call may be nested as deeply as JSON can be
        name, value, inside = left.pop()
        is_secret = inside or _SECRET.search(name) is not None
        match value:
            case str() | int() | float() | Decimal() | UUID() if is_secret and not isinstance(value, bool):
                found |= _forms(value)
            case bytes() if is_secret:
                found |= _forms(value.decode(errors="replace")) | {repr(value)[2:-1]}
            case Mapping():
                left += [(str(one), inner, is_secret) for one, inner in value.items()]
            case list() | tuple():
                left += [(name, inner, is_secret) for inner in value]
    return {text for text in found if len(text) >= 4}


def _forms(value: object) -> set[str]:
    """How errors write it: as it is, as Python and JSON quote it, and as an address has it."""
    try:
        text = str(value)
    except ValueError:  # a number of thousands of digits, which nobody writes
        return set()
    return {text, repr(text)[1:-1], json.dumps(text)[1:-1], quote(text, safe="", errors="replace")}
