"""The hub's settings, with Django's user model, whose keys are integers."""

from hub.settings import *  # noqa: F403  # the settings are the hub's, but for what follows

AUTH_USER_MODEL = "auth.User"
