"""``uvicorn lab.bench.baseline.asgi:application``."""

import os
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lab.bench.baseline.settings")
django_application = get_asgi_application()

from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import path

from lab.bench.baseline.consumers import AlertConsumer

consumer: Any = AlertConsumer.as_asgi()
routes: list[Any] = [path("ws/alerts/<str:group>/", consumer)]

application = ProtocolTypeRouter({"http": django_application, "websocket": URLRouter(routes)})
