"""The composition root of the web process: HTTP by Django, sockets by the doors of the domain apps."""

import os
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hub.settings")
django.setup()

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402  # needs the apps
from django.core.asgi import get_asgi_application  # noqa: E402
from django.urls import path, re_path  # noqa: E402

import accounts.sessions  # noqa: E402
import accounts.tokens  # noqa: E402
import chat.consumers  # noqa: E402
import notifications.consumers  # noqa: E402
import presence.consumers  # noqa: E402
from hub import lifespan  # noqa: E402
from hub.sockets.secret_query import SecretQuery  # noqa: E402
from hub.sockets.stack import SocketStack  # noqa: E402
from hub.sockets.unknown import UnknownDoor  # noqa: E402

doors: list[Any] = [
    path("ws/notifications/", notifications.consumers.NotificationsDoor.as_asgi()),
    path("ws/online/", presence.consumers.OnlineDoor.as_asgi()),
    path("ws/chat/<str:room_name>/", chat.consumers.ChatDoor.as_asgi()),
    re_path("", UnknownDoor.as_asgi()),
]

application: Any = SecretQuery(
    ProtocolTypeRouter(
        {
            "http": get_asgi_application(),
            "websocket": SocketStack(URLRouter(doors), accounts.tokens.user_for, accounts.sessions.users_for),
            "lifespan": lifespan.application,
        }
    )
)
