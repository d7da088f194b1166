"""The hub's settings, with the user model of this project."""

from hub.settings import *  # noqa: F403  # the settings of this project are the hub's, but for what follows

INSTALLED_APPS = [*INSTALLED_APPS, "tests.projects.uuid_people"]  # noqa: F405  # from the hub's
AUTH_USER_MODEL = "uuid_people.Person"
# As in a project that says nothing of it.
HUB_DISPLAY_NAME = ""
