"""The ``data`` of a publication, as it comes in from a backend: any JSON, within bounds."""

import base64
import binascii
from typing import Any

import msgspec

from hub.api.errors import ApiError, Code
from hub.config import hub_settings
from hub.validation.nesting import DEPTH_LIMIT, is_too_deep
from hub.validation.numbers import SENTENCE, is_rounded


def payload(data: Any, b64data: str | None) -> msgspec.Raw:
    """The JSON of a publication on one line, from ``data`` or from JSON in base64.

    Raises:
        ApiError: neither is there, no JSON, numbers that clients cannot read or would round, too deep or too big.
    """
    if b64data:
        data = _decoded(b64data)
    elif data is msgspec.UNSET:
        raise ApiError(Code.BAD_REQUEST, "data is missing")
    try:
        # Encoded again, so that a line break of the sender cannot end a frame early.
        text = msgspec.json.encode(data)
    except OverflowError:
        raise ApiError(Code.BAD_REQUEST, f"data {SENTENCE}") from None
    except (ValueError, RecursionError):
        raise ApiError(Code.BAD_REQUEST, "data cannot be sent as JSON") from None
    if len(text) > hub_settings().max_publication:
        raise ApiError(Code.BAD_REQUEST, f"data has more than {hub_settings().max_publication} bytes")
    if is_too_deep(text.decode(), data):
        raise ApiError(Code.BAD_REQUEST, f"data is nested more than {DEPTH_LIMIT} levels deep")
    if is_rounded(text.decode()):
        raise ApiError(Code.BAD_REQUEST, f"data {SENTENCE}")
    return msgspec.Raw(text)


def _decoded(text: str) -> Any:
    try:
        return msgspec.json.decode(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError, RecursionError):
        raise ApiError(Code.BAD_REQUEST, "b64data is not base64 of JSON") from None
