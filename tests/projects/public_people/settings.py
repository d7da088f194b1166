"""The hub's settings, with the user model of this project, and a field of it in place of the key."""

from hub.settings import *  # noqa: F403  # the settings of this project are the hub's, but for what follows

INSTALLED_APPS = [*INSTALLED_APPS, "tests.projects.public_people"]  # noqa: F405  # from the hub's
AUTH_USER_MODEL = "public_people.Customer"
HUB_USER_ID = "public_id"
# As in a project that says nothing of it.
HUB_DISPLAY_NAME = ""
