"""The hub's settings, with the user model of this project; without the admin, which asks for more of a user model."""

from hub.settings import *  # noqa: F403

INSTALLED_APPS = [*INSTALLED_APPS, "tests.projects.text_people"]  # noqa: F405
AUTH_USER_MODEL = "text_people.Member"
HUB_DISPLAY_NAME = ""
