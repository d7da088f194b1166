"""The hub's settings, with the user model of this project; without the admin, which asks for more of a user model."""

from hub.settings import *  # noqa: F403  # the settings of this project are the hub's, but for what follows

INSTALLED_APPS = [*INSTALLED_APPS, "tests.projects.text_people"]  # noqa: F405  # from the hub's
AUTH_USER_MODEL = "text_people.Member"
HUB_DISPLAY_NAME = ""
