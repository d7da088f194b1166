"""From the key and the body of a request to the status and the body of its answer."""

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

import msgspec
from django.db import Error as DatabaseFault

from hub.access.authorization import NotValid
from hub.access.credentials import log_refusal
from hub.api import calling
from hub.api.errors import ApiError, Code
from hub.api.keys import Caller, caller_for
from hub.api.method import method_named
from hub.concurrency.faults import cause
from hub.limits import TooMany
from hub.logs import get_logger
from hub.logs.rare_log import RareLog

_rare_log = RareLog(get_logger(__name__))

#: The headers that may hold the key, as ASGI has them.
KEY_HEADERS = ("x-api-key", "authorization")

#: The headers that an answer depends on, as ASGI has them.
HEADERS_READ = (*KEY_HEADERS, "accept")

#: What a client accepts that takes errors as problem details.
PROBLEM = "application/problem+json"

#: Headers of every answer.
HEADERS = {"content-type": "application/json", "cache-control": "no-store", "x-content-type-options": "nosniff"}

#: The methods that are none and carry out others: several at once, and those whose name is in the body.
BATCH = "batch"
COMMANDS = ""


class ApiReply(NamedTuple):
    """What goes back: the JSON, and headers of this answer."""

    status: int
    body: bytes
    headers: dict[str, str] = HEADERS
    error: ApiError | None = None


async def answer(name: str, body: bytes, headers: Collection[tuple[bytes, bytes]], address: str) -> ApiReply:
    """What ``POST /api/<name>``, or ``POST /api`` with the name in the body, is answered with. Never raises.

    An error is told as problem details to whoever accepts them; to all others as :func:`_answer` says.
    """
    reply = await _answer(name, body, headers, address)
    if reply.error is None or not any(key == b"accept" and PROBLEM.encode() in value for key, value in headers):
        return reply
    problem = reply.error.problem()
    return ApiReply(problem.status, msgspec.json.encode(problem), {**reply.headers, "content-type": PROBLEM})


async def _answer(name: str, body: bytes, headers: Iterable[tuple[bytes, bytes]], address: str) -> ApiReply:
    """The answer for clients of the protocol.

    An error that the protocol knows has status 200, as its libraries expect; 401 a key that is not valid, 429 a key
    from an address that many such came from, or one that is used too often, 404 a method that does not exist, 503 a
    database that cannot be asked for the key.
    """
    try:
        caller = await caller_for(headers, address)
    except DatabaseFault as error:
        _rare_log.warning("api_key_not_checked", kind=cause(error), error=type(error).__name__)
        return _failed(503, Code.INTERNAL)
    except NotValid as fault:
        log_refusal(f"API key: {fault}", address)
        return _failed(401, Code.UNAUTHORIZED)
    except TooMany as refusal:
        return _refusal(ApiError(Code.TOO_MANY_REQUESTS, refusal.sentence, retry_after=refusal.retry_after))
    return await _carried_out(name, body, caller)


async def _carried_out(name: str, body: bytes, caller: Caller) -> ApiReply:
    method = method_named(name)
    try:
        if name == BATCH:
            return ApiReply(200, msgspec.json.encode(await calling.batch(body, caller)))
        if name == COMMANDS:
            return ApiReply(200, b"\n".join(map(_encoded, await calling.commands(body, caller))))
        if method is None:
            return _failed(404, Code.METHOD_NOT_FOUND)
        return ApiReply(200, _encoded({"result": await calling.call(method, body, caller)}))
    except ApiError as refused:
        return _refusal(refused)


def _refusal(refused: ApiError) -> ApiReply:
    body = _encoded({"error": refused.error})
    if not refused.retry_after:
        return ApiReply(200, body, error=refused)
    return ApiReply(429, body, {**HEADERS, "retry-after": str(refused.retry_after)}, refused)


def _failed(status: int, code: Code) -> ApiReply:
    error = ApiError(code)
    return ApiReply(status, _encoded({"error": error.error}), error=error)


def _encoded(reply: dict[str, Any]) -> bytes:
    return msgspec.json.encode(reply)
