"""The hub's settings, with the user model of this project."""

from hub.settings import *  # noqa: F403

INSTALLED_APPS = [*INSTALLED_APPS, "tests.projects.uuid_people"]  # noqa: F405
AUTH_USER_MODEL = "uuid_people.Person"
# As in a project that says nothing of it.
HUB_DISPLAY_NAME = ""
