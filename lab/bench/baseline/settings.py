"""Settings of the stock application: no more than it needs."""

import os

SECRET_KEY = "only for a benchmark on loopback"  # noqa: S105  # no secret: what it guards lives for minutes
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = ["channels"]
USE_TZ = True
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {
            # Two defaults of redis-py 8 break the stock layer: a timeout of 5 s, as long as the layer waits for a
            # message, so that every quiet socket dies; and at most 100 connections, so that 250 clients who come at
            # once get an error. Without both the comparison is with a stock application that works.
            "hosts": [
                {"address": os.environ.get("REDIS_URL", ""), "socket_timeout": None, "max_connections": 100_000}
            ],
        },
    },
}
