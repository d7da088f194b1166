"""One consumer per socket, which joins a group and sends on what the group receives."""

import json
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer


class AlertConsumer(AsyncWebsocketConsumer):
    """Alerts of one group, named in the URL."""

    async def connect(self) -> None:
        self.group_name = f"alerts_{self.scope['url_route']['kwargs']['group']}"
        await self.channel_layer.group_add(self.group_name, self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard(self.group_name, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        message = json.loads(text_data or "{}")["message"]
        await self.channel_layer.group_send(self.group_name, {"type": "alert.message", "message": message})

    async def alert_message(self, event: dict[str, Any]) -> None:
        """Called by the layer for every message of the group."""
        await self.send(text_data=json.dumps({"message": event["message"]}))
