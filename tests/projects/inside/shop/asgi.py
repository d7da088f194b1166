import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")

from django.core.asgi import get_asgi_application

django_application = get_asgi_application()

from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import path

from shop.consumers import Echo

router = URLRouter([path("app/echo/", Echo.as_asgi())])
application = ProtocolTypeRouter({"http": django_application, "websocket": router})
