"""From the key and the body of a request to the status and the body of its answer."""

from typing import Any

import msgspec
import structlog
from django.db import Error as DatabaseFault

from hub.api import calling
from hub.api.errors import Code, Refused
from hub.api.keys import caller_for
from hub.api.method import method_named

log = structlog.get_logger(__name__)

#: The header with the key, as ASGI has it.
KEY_HEADER = "x-api-key"

#: Headers of every answer.
HEADERS = {"content-type": "application/json", "cache-control": "no-store", "x-content-type-options": "nosniff"}

#: The method that is none: it carries out others.
BATCH = "batch"


async def answer(name: str, body: bytes, key: str) -> tuple[int, bytes]:
    """The status and the JSON for ``POST /api/<name>``.

    An error that the protocol knows has status 200, as its libraries expect; 401 a key that is not valid, 404 a
    method that does not exist, 503 a database that cannot be asked for the key. Never raises.
    """
    try:
        caller = await caller_for(key)
    except DatabaseFault as error:
        log.warning("api_key_not_checked", error=type(error).__name__)
        return 503, _error(Code.INTERNAL)
    if caller is None:
        return 401, _error(Code.UNAUTHORIZED)
    method = method_named(name)
    try:
        if name == BATCH:
            return 200, msgspec.json.encode(await calling.batch(body, caller))
        if method is None:
            return 404, _error(Code.METHOD_NOT_FOUND)
        return 200, _encoded({"result": await calling.call(method, body, caller)})
    except Refused as refused:
        return 200, _encoded({"error": refused.error})


def _error(code: Code) -> bytes:
    return _encoded({"error": Refused(code).error})


def _encoded(reply: dict[str, Any]) -> bytes:
    return msgspec.json.encode(reply)
