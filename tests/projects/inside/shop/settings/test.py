"""The settings of the tests: neither Redis nor a broker, and a database that several connections may use."""

from shop.settings import *
from shop.settings import BASE_DIR, DATABASES

CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
CELERY_BROKER_URL = "memory://"
# In a file, because connections to a database in memory lock each other out; and without the journal that `--parallel`
# does not copy with it.
DATABASES["default"]["TEST"] = {"NAME": BASE_DIR / "test.sqlite3"}
DATABASES["default"]["OPTIONS"]["init_command"] = "PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF"
SILENCED_SYSTEM_CHECKS = ["hub.W036"]  # which wants that journal
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
