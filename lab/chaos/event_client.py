"""A client on ``/events``, as a browser's ``EventSource`` behaves: it comes back with the last id that it got."""

import json
import random
import socket
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import httpx

from lab.chaos.client import CREATED, LOST, Client, NotLetIn, Place
from lab.chaos.client_state import positions_in
from lab.chaos.ledger import Ledger

#: Code that stands for a response that the hub has ended.
ENDED = 1000

#: Answers after which the same request may well be answered otherwise: limits, and a hub that is not there just now.
TEMPORARY = {httpx.codes.TOO_MANY_REQUESTS, *range(500, 600)}


class EventClient(Client):
    """Follows what is for everyone, and what is for its person."""

    final = frozenset()

    def __init__(
        self,
        name: str,
        place: Place,
        urls: Sequence[str],
        ledger: Ledger,
        chance: random.Random,
        http: httpx.AsyncClient,
    ) -> None:
        super().__init__(name, place, urls, ledger, chance)
        self._http = http
        self._last_id = ""
        self._response: httpx.Response | None = None

    def cut(self) -> None:
        if self._response is not None:
            self._response.extensions["network_stream"].get_extra_info("socket").shutdown(socket.SHUT_RDWR)

    async def visit(self, base: str) -> None:
        channels = ["everyone", *([f"user:{self.place.person.pk}"] if self.place.person else [])]
        url = f"{base.replace('ws', 'http', 1)}/events?{urlencode([('channel', one) for one in channels])}"
        headers = {**self.place.headers, "Accept": "text/event-stream"}
        if self._last_id:
            headers["Last-Event-ID"] = self._last_id
        async with self._http.stream("GET", url, headers=headers) as response:
            if response.status_code in TEMPORARY:
                raise NotLetIn(f"HTTP {response.status_code}")
            if response.status_code != httpx.codes.OK:
                self.client_state.refused.append(f"with HTTP {response.status_code}")
                return
            self._response = response
            try:
                await self._read(response)
                self.note_end(ENDED)
            except httpx.TransportError:
                self.note_end(LOST)
            finally:
                self._response = None

    async def _read(self, response: httpx.Response) -> None:
        fields: dict[str, str] = {}
        async for line in response.aiter_lines():
            if line and not line.startswith(":"):
                name, _, value = line.partition(": ")
                fields[name] = value
            elif fields:
                self._take(fields)
                fields = {}

    def _take(self, fields: dict[str, str]) -> None:
        data: Any = json.loads(fields["data"])
        self._last_id = fields.get("id", self._last_id)
        here = positions_in(self._last_id)
        if fields.get("event") == "open":
            for channel, position in here.items():
                self.client_state.begin(channel, position, recovered=data.get("recovered", False))
            self.let_in()
        elif data.get("offset"):
            channel = data["channel"]
            epoch, offset = here[channel]
            if offset != data["offset"]:
                self.client_state.disorder.append(f"{channel} {data['offset']} came with the id of {offset}")
            item = data["data"]
            alert = item["id"] if item["type"] == CREATED else None
            self.take(channel, (epoch, data["offset"]), item.get("message", ""), alert=alert)
