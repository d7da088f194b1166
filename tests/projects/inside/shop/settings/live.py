"""What the hub added to the settings."""

import os

from shop.settings.base import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "hub", "notifications", "chat", "presence", "worker"]
REDIS_URL = os.environ["SHOP_REDIS"]
CHANNEL_LAYERS = {
    "default": {"BACKEND": "hub.bus.redis_layer.HubChannelLayer", "CONFIG": {"hosts": [REDIS_URL], "prefix": "shop"}}
}
HUB_REDIS_PREFIX = "shop-hub"
