"""A client on one of the simple endpoints, as ``docs/howto/connect-a-client.md`` tells it to behave."""

import json
from typing import Any
from urllib.parse import quote

from websockets.asyncio.client import ClientConnection

from lab.chaos.client import SocketClient
from lab.chaos.client_state import positions_in

SYSTEM = "System"


class PlainClient(SocketClient):
    """Waits for alerts, or is in a room."""

    final = frozenset(range(4400, 4500))

    @property
    def hears_alerts(self) -> bool:
        return not self.place.room

    def address(self, base: str) -> str:
        path = f"/ws/chat/{self.place.room}/" if self.place.room else "/ws/notifications/"
        return f"{base}{path}?since={quote(self.client_state.cursor, safe='')}"

    async def write(self, number: int) -> None:
        await self.send(json.dumps({"message": self.ledger.text(number)}))

    async def talk(self, connection: ClientConnection) -> None:
        async for text in connection:
            self._take(json.loads(text))

    def _take(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "resumed":
            for channel, position in positions_in(frame["cursor"]).items():
                self.client_state.begin(channel, position, recovered=frame["recovered"])
            self.let_in()
        elif frame.get("offset"):
            ((channel, position),) = positions_in(frame["cursor"]).items()
            # Here alerts come, and not that some of them were read.
            may_skip = channel.startswith("user:")
            alert = None if self.place.room else frame["id"]
            self.take(channel, position, frame["message"], alert=alert, may_skip=may_skip)
        elif frame.get("username") == SYSTEM:
            self.notices.append(frame["message"])
