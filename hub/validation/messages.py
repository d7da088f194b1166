"""What clients send to be read by people: ``{"message": "…"}``."""

import re

import msgspec
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from hub.characters import is_storable, is_visible
from hub.validation import half_characters
from hub.validation.refused import Refused
from hub.validation.text import MESSAGE_LIMIT

#: How a client names a message, so that it may send it again.
KEY_FORM = re.compile("[A-Za-z0-9_-]{1,64}")


class BadMessage(Refused):
    """A message is not taken, for what it is. The ``word`` is a constant where it is raised."""

    def __init__(self, word: str, sentence: str | Promise) -> None:
        super().__init__(sentence, word=word)


def read(text: str | None) -> tuple[str, str | None]:
    """The ``message`` of a client's frame ``{"message": "…", "key": "…"}``, and its ``key``; None without one.

    Raises:
        BadMessage: binary, not JSON, not an object; ``message`` missing, no string, blank or over 4,000 characters;
            ``key`` is no text of :data:`KEY_FORM`.
    """
    if text is None:
        raise BadMessage("binary_not_supported", _("Send text frames with JSON, not binary ones"))
    try:
        frame = half_characters.decode(msgspec.json.decode, text)
    except (msgspec.DecodeError, RecursionError):
        raise BadMessage("invalid_json", _("This is not JSON")) from None
    return message_in(frame), key_in(frame)


def key_in(frame: object) -> str | None:
    """The ``key`` of decoded JSON; see :func:`read`."""
    key = frame.get("key") if isinstance(frame, dict) else None
    if key is not None and not (isinstance(key, str) and KEY_FORM.fullmatch(key)):
        raise BadMessage("bad_key", _("The key must be text of 1 to 64 letters, digits, “-” and “_”"))
    return key


def message_in(frame: object) -> str:
    """The ``message`` of decoded JSON; see :func:`read`."""
    if not isinstance(frame, dict):
        raise BadMessage("not_an_object", _('Send a JSON object like {"message": "…"}'))
    message = frame.get("message")
    if message is None:
        raise BadMessage("message_required", _("The message is missing"))
    if not isinstance(message, str):
        raise BadMessage("message_not_text", _("The message must be text"))
    if not is_visible(message):
        raise BadMessage("message_required", _("The message is empty"))
    if len(message) > MESSAGE_LIMIT:
        raise BadMessage("message_too_long", _("The message is longer than 4,000 characters"))
    if not is_storable(message):
        raise BadMessage("message_not_text", _("The message has characters that cannot be stored"))
    return message
