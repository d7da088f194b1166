"""The web process of the hub's own project: its settings checked, its endpoints, and Django behind them."""

import os
from typing import Any

import django

from hub.config import hub_settings, private_files, refuse_faults
from hub.config.startup_errors import in_one_sentence
from hub.logs import get_logger

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hub.settings")
with in_one_sentence():
    refuse_faults()
    closed = private_files.guard(hub_settings().data_dir)  # before the first file is made
    django.setup()
if closed:
    get_logger(__name__).warning("data_folder_closed_to_others", paths=closed)

from django.core.asgi import get_asgi_application  # needs the apps

import hub.urls  # noqa: F401  # now, and not with the first request: other processes may ask this one
from hub import lifespan
from hub.mounting.endpoints import Endpoints
from hub.mounting.prefix import mounted
from hub.server.bodies import BoundedBodies
from hub.server.readable_types import ReadableTypes
from hub.server.request_slots import BoundedRequests

_endpoints = Endpoints()
_django = BoundedBodies(BoundedRequests(ReadableTypes(get_asgi_application())))


async def _application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    answer: Any = lifespan.application if scope["type"] == "lifespan" else _endpoints.find(scope) or _django
    await answer(scope, receive, send)


#: The hub as an ASGI application.
application = mounted(_application, hub_settings().url_prefix)
