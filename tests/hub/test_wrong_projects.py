"""What a project is told that has left out an app, hidden the hub's URLs, or whose web application fails."""

from pathlib import Path

import pytest

from tests.support.small_project import FILES, SmallProject

pytestmark = [pytest.mark.slow, pytest.mark.any_database]


@pytest.mark.parametrize("name", ["hub", "notifications", "django.contrib.auth", "django.contrib.contenttypes"])
def test_app_without_which_no_model_can_be_made_is_named(tmp_path: Path, name: str) -> None:
    before = "INSTALLED_APPS.sort(key=lambda name: name.startswith('django.'))"  # the project may have any order
    said = SmallProject(tmp_path, f"INSTALLED_APPS.remove({name!r})\n{before}").check()
    assert f'ImproperlyConfigured: INSTALLED_APPS has no "{name}"' in said.splitlines()[-1]


INNER = """
from django.urls import include, path
app_name = "shop"
urlpatterns = [path("hub/", include("hub.urls"))]
"""

OUTER = """
from django.urls import include, path
urlpatterns = [path("app/", include("small.inner"))]
"""


def test_namespace_around_the_hubs_urls_is_named_by_check_and_server(tmp_path: Path) -> None:
    project = SmallProject(tmp_path, files={"small/urls.py": OUTER, "small/inner.py": INNER})
    sentence = "The project's URLs include the hub's inside the namespace 'shop'"
    assert f"(hub.E045) {sentence}" in project.check()
    assert project.run("-m", "hub.server", "small.asgi:application").stderr.startswith(f"Error: {sentence}")


CATCH_ALL = """
from django.http import HttpResponse
from django.urls import re_path
urlpatterns.{}(re_path("^.*$", lambda request: HttpResponse("a page of one's own")))
"""


def test_url_that_takes_all_addresses_may_stand_below_the_hubs_alone(tmp_path: Path) -> None:
    above = FILES["small/urls.py"] + CATCH_ALL.format("insert").replace("insert(", "insert(0, ")
    assert (
        "(hub.E055) Other URLs of the project answer '/hub/widgets.js'"
        in SmallProject(tmp_path, files={"small/urls.py": above}).check()
    )
    below = FILES["small/urls.py"] + CATCH_ALL.format("append")
    assert "no issues" in SmallProject(tmp_path, files={"small/urls.py": below}).check()


def test_failure_of_the_web_application_is_a_warning_to_a_command(tmp_path: Path) -> None:
    failing = "import os\nos.environ['OF_THE_WEB_SERVERS']\n"
    project = SmallProject(tmp_path, files={"small/asgi.py": failing})
    ended = project.run("manage.py", "check")
    assert ended.returncode == 0
    assert (
        "(hub.W045) ASGI_APPLICATION names 'small.asgi.application', whose module fails here: KeyError" in ended.stderr
    )


def test_table_of_sessions_is_missed(tmp_path: Path) -> None:
    without = "INSTALLED_APPS.remove('django.contrib.sessions')"
    assert '(hub.E038) INSTALLED_APPS has no "django.contrib.sessions"' in SmallProject(tmp_path, without).check()
    elsewhere = f"{without}\nSESSION_ENGINE = 'django.contrib.sessions.backends.signed_cookies'"
    assert "no issues" in SmallProject(tmp_path, elsewhere).check()
