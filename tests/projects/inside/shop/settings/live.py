"""What the hub added to the settings."""

import os

from shop.settings.base import CELERY_BROKER_TRANSPORT_OPTIONS, INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "hub", "notifications", "chat", "presence", "worker"]
REDIS_URL = os.environ["SHOP_REDIS"]
CHANNEL_LAYERS = {
    "default": {"BACKEND": "hub.bus.redis_layer.HubChannelLayer", "CONFIG": {"hosts": [REDIS_URL], "prefix": "shop"}}
}
HUB_REDIS_PREFIX = "shop-hub"
HUB_BASE_TEMPLATE = "base.html"

CELERY_TASK_PUBLISH_RETRY = False
CELERY_BROKER_TRANSPORT_OPTIONS = {
    **CELERY_BROKER_TRANSPORT_OPTIONS,
    "socket_connect_timeout": 0.8,
    "socket_timeout": 1.5,
    "max_retries": 0,
}
