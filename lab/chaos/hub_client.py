"""A client of the client connection, as the maintained libraries of its protocol behave.

The hub subscribes it to what is about its person; it subscribes to its room by itself, and comes back to all of them
with epoch and offset. It writes by a call that it repeats under the same key until it is answered, or by publishing to
the channel of the room.
"""

import asyncio
import itertools
import json
from collections.abc import Callable
from typing import Any

from websockets.asyncio.client import ClientConnection

from lab.chaos.client import CREATED, SocketClient
from lab.chaos.client_state import Position

#: Seconds that a ping from the hub may be late.
PING_PATIENCE = 10.0

#: Seconds before a command that failed for the moment is sent again, at least and at most.
RETRY = 0.5, 2.0

#: Kinds of notice, as the simple endpoints put it.
NOTICES = {"chat.person_left": "{} left the room", "chat.person_joined": "{} joined the room"}

_Json = dict[str, Any]


class HubClient(SocketClient):
    """Waits for alerts, and may be in a room as well."""

    final = frozenset({1009, *range(3500, 4000), *range(4500, 5000)})

    #: What is asked now: by the number of the command what to do with its result.
    _asked: dict[int, tuple[_Json, Callable[[_Json], None]]]

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._numbers = itertools.count(1)
        self._asked = {}
        #: Commands that wait for the end of the frame that is being taken: they go out as one.
        self._outgoing: list[_Json] = []
        self._retries: set[asyncio.Task[None]] = set()
        self._by_hub: set[str] = set()
        #: Of its room; known once it has asked.
        self._room: _Json = {}
        #: Messages that were sent by a call that was not answered yet.
        self._unanswered: set[int] = set()
        self._silence = 0.0

    @property
    def headers(self) -> dict[str, str]:
        return {} if self.place.by_token else super().headers

    def address(self, base: str) -> str:
        return f"{base}/connection/websocket"

    async def write(self, number: int) -> None:
        text = self.ledger.text(number)
        if self.chance.random() < 0.5:
            data = {"message": text}
            self._ask({"publish": {"channel": self._room["channel"], "data": data}}, self._stored(number))
        else:
            self._unanswered.add(number)
            self._post(number)
        await self._flush()

    async def call(self, method: str, data: _Json, then: Callable[[_Json], None]) -> None:
        """Call a method, and take the result when it comes: not at all where the connection ends before."""
        self._ask({"rpc": {"method": method, "data": data}}, then)
        await self._flush()

    async def talk(self, connection: ClientConnection) -> None:
        self._asked, self._outgoing, self._silence = {}, [], 60.0
        self._connect()
        try:
            while True:
                await self._flush()
                async with asyncio.timeout(self._silence):
                    text = await connection.recv()
                for line in str(text).split("\n"):
                    self._take_line(json.loads(line))
        finally:
            for retry in self._retries:
                retry.cancel()

    # --- commands --------------------------------------------------------------------------------------------------

    def _ask(self, request: _Json, then: Callable[[_Json], None]) -> None:
        number = next(self._numbers)
        self._asked[number] = request, then
        self._outgoing.append({"id": number, **request})

    async def _flush(self) -> None:
        outgoing, self._outgoing = self._outgoing, []
        if outgoing:
            await self.send("\n".join(map(json.dumps, outgoing)))

    def _connect(self) -> None:
        request: _Json = {"name": "chaos", "subs": {channel: self._position(channel) for channel in self._by_hub}}
        if self.place.person is not None and self.place.by_token:
            request["token"] = self.place.person.token
        self._ask({"connect": request}, self._connected)

    def _connected(self, result: _Json) -> None:
        self._silence = result["ping"] + PING_PATIENCE
        for channel, where in result["subs"].items():
            self._by_hub.add(channel)
            self._begin(channel, where)
        if gone := self._by_hub - result["subs"].keys():
            self.client_state.refused.append(f"from {sorted(gone)}")
        if not self.place.room:
            self.let_in()
        elif self._room:
            self._subscribe()
        else:
            self._ask({"rpc": {"method": "chat.room", "data": {"name": self.place.room}}}, self._found_room)

    def _found_room(self, result: _Json) -> None:
        self._room = result["data"]
        self._subscribe()

    def _subscribe(self) -> None:
        channel = self._room["channel"]
        self._ask({"subscribe": {"channel": channel, **self._position(channel)}}, self._subscribed)

    def _subscribed(self, result: _Json) -> None:
        self._begin(self._room["channel"], result)
        self.let_in()
        for number in self._unanswered:
            self._post(number)

    def _post(self, number: int) -> None:
        text = self.ledger.text(number)
        data = {"room": self._room["id"], "text": text, "key": text}
        self._ask({"rpc": {"method": "chat.post", "data": data}}, self._stored(number))

    def _stored(self, number: int) -> Callable[[_Json], None]:
        def stored(_: _Json) -> None:
            self._unanswered.discard(number)
            self.ledger.acknowledge(number)

        return stored

    # --- what comes ------------------------------------------------------------------------------------------------

    def _take_line(self, line: _Json) -> None:
        if not line:
            self._outgoing.append({})  # the answer to a ping
        elif "push" in line:
            self._take_push(line["push"])
        else:
            request, then = self._asked.pop(line["id"])
            if error := line.get("error"):
                self._failed(request, then, error)
            else:
                (kind,) = request
                then(line.get(kind) or {})

    def _failed(self, request: _Json, then: Callable[[_Json], None], error: _Json) -> None:
        if not error.get("temporary"):
            # Also what it wrote was as it should be.
            self.client_state.refused.append(f"with error {error['code']} to {request}")
        elif "connect" in request:
            self.cut()
        elif "publish" not in request:  # that might be stored twice
            retry = asyncio.get_running_loop().create_task(self._ask_again(request, then))
            self._retries.add(retry)
            retry.add_done_callback(self._retries.discard)

    async def _ask_again(self, request: _Json, then: Callable[[_Json], None]) -> None:
        await asyncio.sleep(self.chance.uniform(*RETRY))
        self._ask(request, then)
        await self._flush()

    def _take_push(self, push: _Json) -> None:
        if "pub" in push:
            self._take_publication(push["channel"], push["pub"])
        elif "unsubscribe" in push:
            if push["unsubscribe"]["code"] >= 2500:
                self.live = False
                self._subscribe()
            else:
                self.client_state.refused.append(f"from {push['channel']} with {push['unsubscribe']['code']}")

    def _begin(self, channel: str, where: _Json) -> None:
        position = where["epoch"], where.get("offset", 0)
        self.client_state.begin(channel, position, recovered=where.get("recovered", False))
        for publication in where.get("publications", ()):
            self._take_publication(channel, publication)

    def _take_publication(self, channel: str, publication: _Json) -> None:
        data = publication["data"]
        if offset := publication.get("offset"):
            epoch, _ = self.client_state.positions[channel]
            alert = data["id"] if data["type"] == CREATED else None
            self.take(channel, (epoch, offset), data.get("message") or data.get("text") or "", alert=alert)
        elif notice := NOTICES.get(data["type"]):
            self.notices.append(notice.format(data["username"]))

    def _position(self, channel: str) -> _Json:
        known: Position | None = self.client_state.positions.get(channel)
        return {"recover": True, "epoch": known[0], "offset": known[1]} if known else {}
