"""What ``manage.py check --deploy`` says inside a project: about its own settings, by their own names."""

import re
from pathlib import Path

import pytest

from hub.config.production_checks import NAMES
from tests.docs.documents import blocks
from tests.support.small_project import SmallProject

pytestmark = [pytest.mark.slow, pytest.mark.any_database]

UNSAFE = """
DEBUG = True
ALLOWED_HOSTS = ["*"]
CSRF_TRUSTED_ORIGINS = ["https://*.com"]
EMAIL_HOST, EMAIL_HOST_PASSWORD = "mail.example.com", "secret"
HUB_REDIS_URL = "redis://redis.internal:6379/0"
CHANNEL_LAYERS["hub"] = {"BACKEND": "channels.layers.InMemoryChannelLayer"}
CELERY_ACCEPT_CONTENT = ["pickle"]
HUB_TOKEN_SECRET = ["a" * 40]
HUB_OPERATOR_TOKEN = "0" * 40
HUB_OPEN_NAMESPACES = {"news": {}}
HUB_TRUSTED_PROXIES = ["*"]
"""

#: What it says of no project: it has HTTPS by Django's settings, no administrator's password, and one database.
ELSEWHERE = {"plain-http", "admin-password", "database-password"}

#: How only the hub's own project calls them.
FOREIGN = (
    r"HUB_DEBUG|DATABASE_URL|_FILE\b|HUB_TRUSTED_ORIGINS|HUB_EMAIL_URL|HUB_ALLOWED_HOSTS|\bREDIS_URL|"
    r"HUB_ALLOW_UNSAFE=|HUB_HTTPS"
)

SAFE = """
HUB_GUESTS = False
SECRET_KEY = "Zk3v9QmT1xW7bR5nL0pYcHsEuJ2aDfG8iO6tV4-KzXqNwMrBsUy"
ALLOWED_HOSTS = ["shop.example.com"]
CSRF_TRUSTED_ORIGINS = ["https://app.example.com"]
DATABASES["default"] = {
    "ENGINE": "django.db.backends.postgresql", "HOST": "db.internal", "PASSWORD": "pZ7rQ2mV9xLk4",
}
CHANNEL_LAYERS = {
    "default": {"BACKEND": "channels.layers.InMemoryChannelLayer"},
    "hub": CHANNEL_LAYERS["default"],
}
"""


def of_the_hub(said: str) -> list[str]:
    return [line for line in said.splitlines() if re.search(r"\(hub\.\w+\)", line)]


def test_dangers_are_told_by_the_names_of_the_projects_settings(tmp_path: Path) -> None:
    said = of_the_hub(SmallProject(tmp_path, UNSAFE).check("--deploy"))
    dangers = [line for line in said if "(hub.E003)" in line]
    named = [re.findall(r'HUB_ALLOW_UNSAFE = \["([\w-]+)"\] allows it', line) for line in dangers]
    assert sorted(named) == sorted([name] for name in set(NAMES) - ELSEWHERE)
    assert [line for line in said if "HUB_GUESTS is not set" in line and "(hub.W047)" in line] != []
    assert re.findall(FOREIGN, "\n".join(said)) == []
    assert [line for line in said if "CHANNEL_LAYERS is in memory" in line and "(hub.W037)" in line] != []


def test_what_the_sentences_say_to_write_is_taken(tmp_path: Path) -> None:
    allowed = f"{UNSAFE}\nHUB_ALLOW_UNSAFE = {sorted(NAMES)}"
    said = of_the_hub(SmallProject(tmp_path, allowed).check("--deploy"))
    assert {name for line in said for name in re.findall(r"\((hub\.\w+)\)", line)} == {
        "hub.I001",
        "hub.W037",
        "hub.W047",
    }


def test_layer_that_is_not_the_hubs_may_be_in_memory(tmp_path: Path) -> None:
    assert of_the_hub(SmallProject(tmp_path, SAFE).check("--deploy")) == []


def test_settings_of_the_page_about_gunicorn_are_safe(tmp_path: Path) -> None:
    page = "docs/howto/run-beside-gunicorn.md"
    lines = "\n".join(blocks(page, "python"))
    assert "HUB_TRUSTED_PROXIES" in lines
    assert of_the_hub(SmallProject(tmp_path, f"{SAFE}\n{lines}").check("--deploy")) == []
