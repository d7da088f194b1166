import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")

from django.core.asgi import get_asgi_application

django_application = get_asgi_application()

import hub
from channels.routing import URLRouter
from django.urls import path

from shop.consumers import Echo

application = hub.mount(django_application, websocket=URLRouter([path("app/echo/", Echo.as_asgi())]))
