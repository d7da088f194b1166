"""The composition root of the web process: Django serves HTTP, the endpoints of the domain apps serve WebSockets."""

import os
from typing import Any

import django
import structlog

from hub.config import hub_settings, private_files, refuse_faults
from hub.config.startup_errors import in_one_sentence

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hub.settings")
with in_one_sentence():
    refuse_faults()
    closed = private_files.guard(hub_settings().data_dir)  # before the first file is made
    django.setup()
if closed:
    structlog.get_logger(__name__).warning("data_folder_closed_to_others", paths=closed)

from django.core.asgi import get_asgi_application  # needs the apps
from django.urls import path

import chat.consumers
import hub.accounts.sessions
import hub.accounts.tokens
import hub.urls  # now, and not with the first request: other processes may ask this one
import notifications.consumers
import presence.consumers
from hub import lifespan
from hub.access import credentials
from hub.access.query_token import hide_token
from hub.api.fast_path import ApiFastPath
from hub.endpoints import routes
from hub.endpoints.simple.gate import SimpleEndpoints
from hub.server.bodies import BoundedBodies
from hub.server.readable_types import ReadableTypes
from hub.server.request_slots import BoundedRequests
from hub.web.mounting import mounted

endpoints = [
    path("ws/notifications/", notifications.consumers.NotificationsEndpoint.as_asgi()),
    path("ws/online/", presence.consumers.OnlineEndpoint.as_asgi()),
    path("ws/chat/<str:room_name>/", chat.consumers.ChatEndpoint.as_asgi()),
]

credentials.register("session", hub.accounts.sessions.users_for)
credentials.register("token", hub.accounts.tokens.find, hub.accounts.tokens.digest_of)

_protocols: dict[str, Any] = {
    "http": BoundedBodies(ApiFastPath(BoundedRequests(ReadableTypes(get_asgi_application())))),
    "websocket": SimpleEndpoints(endpoints),
    "lifespan": lifespan.application,
}


async def _application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        hide_token(scope)
    answer = routes.find(scope) or _protocols[scope["type"]]
    await answer(scope, receive, send)


#: The hub as an ASGI application.
application = mounted(_application, hub_settings().url_prefix)
