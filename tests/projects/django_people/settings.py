"""The hub's settings, with the user model of Django."""

from hub.settings import *  # noqa: F403  # the settings of this project are the hub's, but for what follows

AUTH_USER_MODEL = "auth.User"
# As in a project that says nothing of it.
HUB_DISPLAY_NAME = ""
