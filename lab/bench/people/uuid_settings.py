"""The hub's settings, with Django's user model but for its keys, which are UUIDs."""

from hub.settings import *  # noqa: F403  # the settings are the hub's, but for what follows

INSTALLED_APPS = [*INSTALLED_APPS, "lab.bench.people"]  # noqa: F405  # from the hub's
AUTH_USER_MODEL = "people.Person"
