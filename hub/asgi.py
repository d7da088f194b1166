"""The composition root of the web process: HTTP by Django, sockets by the doors of the domain apps."""

import os
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hub.settings")
django.setup()

from django.core.asgi import get_asgi_application  # noqa: E402  # needs the apps
from django.urls import path  # noqa: E402

import accounts.sessions  # noqa: E402
import accounts.tokens  # noqa: E402
import chat.consumers  # noqa: E402
import notifications.consumers  # noqa: E402
import presence.consumers  # noqa: E402
from hub import lifespan  # noqa: E402
from hub.sockets.entrance import Entrance  # noqa: E402
from hub.sockets.secret_query import hide_token  # noqa: E402

doors = [
    path("ws/notifications/", notifications.consumers.NotificationsDoor.as_asgi()),
    path("ws/online/", presence.consumers.OnlineDoor.as_asgi()),
    path("ws/chat/<str:room_name>/", chat.consumers.ChatDoor.as_asgi()),
]

_protocols: dict[str, Any] = {
    "http": get_asgi_application(),
    "websocket": Entrance(doors, accounts.tokens.user_for, accounts.sessions.users_for),
    "lifespan": lifespan.application,
}


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """The hub as an ASGI application."""
    hide_token(scope)
    await _protocols[scope["type"]](scope, receive, send)
