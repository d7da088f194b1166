"""Calling the HTTP API of the application in this process."""

import json
from typing import Any

from django.test import AsyncClient

from hub.api import keys
from hub.api.scope import Scope

#: The reply to a key that is not for a channel, a person or another recipient.
DENIED = {"error": {"code": 103, "message": "permission denied: the key is not for whom or what the call names"}}
#: The reply to whoever has no key that is valid.
UNAUTHORIZED = {"error": {"code": 101, "message": "unauthorized: X-API-Key has no key that is valid here"}}


class Api:
    """A program with a key: ``await api("publish", channel="everyone", data=1)`` returns the reply."""

    def __init__(self, key: str) -> None:
        self.key = key
        self._client = AsyncClient(raise_request_exception=False)

    async def __call__(self, method: str, **request: Any) -> dict[str, Any]:
        status, reply = await self.raw(method, json.dumps(request))
        assert status == 200 and isinstance(reply, dict), reply
        return reply

    async def result(self, method: str, **request: Any) -> Any:
        """The ``result``, which must be there."""
        reply = await self(method, **request)
        assert reply.keys() == {"result"}, reply
        return reply["result"]

    async def error(self, method: str, **request: Any) -> int:
        """The code of the error, which must be there."""
        reply = await self(method, **request)
        assert reply.keys() == {"error"}, reply
        return int(reply["error"]["code"])

    async def raw(self, method: str, body: str | bytes, **headers: str) -> tuple[int, Any]:
        """The status and the JSON of the answer to any body."""
        response = await self._client.post(
            f"/api/{method}",
            body,
            content_type="application/json",
            headers={"X-API-Key": self.key, **headers},
        )
        return response.status_code, response.json()


def key_for(*methods: str, channels: tuple[str, ...] = ("*",)) -> str:
    """The text of a new key for these methods, by default all, and channels."""
    _, text = keys.issue("a test", Scope(frozenset(methods or ("*",)), channels))
    return text
