"""What ``python -m hub.server`` serves in the folder of a project with the hub inside, and what it says otherwise."""

from pathlib import Path

import pytest

from tests.docs.documents import text_of
from tests.support.small_project import UNMOUNTED, SmallProject

pytestmark = [pytest.mark.slow, pytest.mark.any_database]


def test_small_project_has_no_faults(tmp_path: Path) -> None:
    assert "no issues" in SmallProject(tmp_path).check()


def test_hubs_own_project_is_not_served_in_place_of_another(tmp_path: Path) -> None:
    ended = SmallProject(tmp_path).run("-m", "hub.server")
    assert ended.returncode == 1
    assert ended.stderr.startswith("Error: DJANGO_SETTINGS_MODULE is not set, so nothing says which project to serve")
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [(["small.asgi:application"], {}), ([], {"DJANGO_SETTINGS_MODULE": "small.settings"})],
    ids=["named", "of-the-settings"],
)
def test_application_that_hub_has_not_made_is_refused_in_the_words_of_the_page(
    tmp_path: Path, arguments: list[str], variables: dict[str, str]
) -> None:
    project = SmallProject(tmp_path, files={"small/asgi.py": UNMOUNTED})
    ended = project.run("-m", "hub.server", *arguments, **variables)
    assert ended.returncode == 1
    sentence = "small.asgi:application was not made by hub.mount(), so it serves no live connections."
    assert ended.stderr.startswith(f"Error: {sentence}")
    assert "Traceback" not in ended.stderr
    page = " ".join(text_of("docs/howto/put-the-hub-into-your-project.md").split())
    assert sentence.replace("small", "shop") in page


def test_runserver_of_the_hub_refuses_it_in_a_sentence_too(tmp_path: Path) -> None:
    above = "DEBUG = True\nINSTALLED_APPS = ['hub', *(name for name in INSTALLED_APPS if name != 'hub')]"
    project = SmallProject(tmp_path, above, {"small/asgi.py": UNMOUNTED})
    ended = project.run("manage.py", "runserver", "--noreload", "127.0.0.1:0")
    assert ended.stderr.startswith("CommandError: small.asgi:application was not made by hub.mount()")
    assert "Traceback" not in ended.stderr
