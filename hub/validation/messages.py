"""What clients send to be read by people: ``{"message": "…"}``."""

import msgspec
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from hub.characters import is_storable, is_visible
from hub.validation import half_characters
from hub.validation.refused import Refused
from hub.validation.text import MESSAGE_LIMIT


class BadMessage(Refused):
    """A message is not taken, for what it is. The ``word`` is a constant where it is raised."""

    def __init__(self, word: str, sentence: str | Promise) -> None:
        super().__init__(sentence, word=word)


def text_of(text: str | None) -> str:
    """The ``message`` of a client's frame ``{"message": "…"}``.

    Raises:
        BadMessage: binary, not JSON, not an object; ``message`` missing, no string, blank or over 4,000 characters.
    """
    if text is None:
        raise BadMessage("binary_not_supported", _("Send text frames with JSON, not binary ones"))
    try:
        frame = half_characters.decode(msgspec.json.decode, text)
    except (msgspec.DecodeError, RecursionError):
        raise BadMessage("invalid_json", _("This is not JSON")) from None
    return message_in(frame)


def message_in(frame: object) -> str:
    """The ``message`` of decoded JSON; see :func:`text_of`."""
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
