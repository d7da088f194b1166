"""What the hub serves of npm packages, and the names that modules have in production."""

import os
import re
import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.exceptions import SuspiciousFileOperation
from django.core.management import call_command
from django.http import HttpResponse
from django.test import RequestFactory
from pytest_django.fixtures import Settings
from servestatic.middleware import ServeStaticMiddleware

from hub.web.static_files import StaticFiles
from lab.harness import forking
from lab.harness.environment import BASE_DIR, clean_environment


@pytest.mark.parametrize(
    ("path", "file"),
    [
        ("hub/vendor/centrifuge/centrifuge.js", "centrifuge/dist/centrifuge.js"),
        ("hub/vendor/swagger-ui/swagger-ui.css", "swagger-ui-dist/swagger-ui.css"),
        ("hub/vendor/swagger-ui/swagger-ui-bundle.js", "swagger-ui-dist/swagger-ui-bundle.js"),
    ],
)
def test_what_pages_load_of_a_package_is_found(path: str, file: str) -> None:
    assert finders.find(path) == str(BASE_DIR / "node_modules" / file)


@pytest.mark.parametrize(
    "path",
    [
        "hub/vendor/centrifuge/centrifuge.protobuf.js",
        "hub/vendor/swagger-ui/index.html",
        "hub/vendor/axe-core/axe.min.js",
        "axe-core/axe.min.js",
        "node_modules/centrifuge/dist/centrifuge.js",
    ],
)
def test_nothing_else_of_npm_is_found(path: str) -> None:
    assert finders.find(path) is None


def test_no_path_leads_out_of_the_package() -> None:
    with pytest.raises(SuspiciousFileOperation):
        finders.find("hub/vendor/centrifuge/../../../../package.json")


async def nothing(request: Any) -> HttpResponse:
    return HttpResponse(status=404)


async def test_development_describes_no_file_and_serves_from_the_same_folders() -> None:
    made, usual = StaticFiles(nothing), ServeStaticMiddleware(nothing)
    assert made.files == {} and usual.files
    assert made.directories == usual.directories
    for path, status in {
        "hub/js/hub.js": 200,
        "hub/vendor/centrifuge/centrifuge.js": 200,
        "hub/js/none.js": 404,
    }.items():
        assert (await made(RequestFactory().get(f"/static/{path}"))).status_code == status


@pytest.mark.parametrize(
    "path", ["hub/js/hub.js", "hub/vendor/swagger-ui/swagger-ui-bundle.js"], ids=["small", "large"]
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"Range": "bytes=2-5"},
        {"Range": "bytes=99999999-"},
        {"If-Modified-Since": "Thu, 01 Jan 2099 00:00:00 GMT"},
    ],
    ids=["whole", "range", "beyond", "unchanged"],
)
async def test_answers_are_those_of_servestatic(path: str, method: str, given: dict[str, str]) -> None:
    async def answer(to: ServeStaticMiddleware) -> tuple[int, dict[str, str], bytes]:
        response = await to(RequestFactory().generic(method, f"/static/{path}", headers=given))
        body = b"".join([part async for part in response]) if response.streaming else response.content
        return response.status_code, dict(response.items()), body

    assert await answer(StaticFiles(nothing)) == await answer(ServeStaticMiddleware(nothing))


@pytest.mark.slow
def test_production_describes_each_file_at_its_start(settings: Settings) -> None:
    settings.SERVESTATIC_AUTOREFRESH = False
    assert StaticFiles(nothing).files.keys() == ServeStaticMiddleware(nothing).files.keys() != set()


@pytest.fixture
def gathered(tmp_path: Path, settings: Settings) -> Callable[[str], str]:
    """Gathers a version whose only script says this; returns the name that pages load it by."""
    settings.STATICFILES_DIRS = [tmp_path / "version"]
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    settings.STATIC_ROOT = tmp_path / "gathered"
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "hub.web.static_storage.HubStaticFilesStorage"},
    }
    settings.SERVESTATIC_AUTOREFRESH = settings.SERVESTATIC_USE_FINDERS = False
    settings.SERVESTATIC_USE_MANIFEST = True
    (tmp_path / "version").mkdir()

    def gather(text: str) -> str:
        script = tmp_path / "version" / "a.js"
        script.write_text(text)
        os.utime(script, (0, 0))  # as a package may have it
        call_command("collectstatic", interactive=False, verbosity=0)
        name = staticfiles_storage.url("a.js")
        assert (settings.STATIC_ROOT / "a.js").read_text() == text
        return name

    return gather


async def test_each_version_is_gathered_and_served_beside_the_others(gathered: Callable[[str], str]) -> None:
    gather = sync_to_async(gathered)
    first = await gather("1;")
    process_of_first = StaticFiles(nothing)
    second = await gather("2;")
    process_of_second = StaticFiles(nothing)
    assert await gather("1;") == first != second  # one goes back
    for process in (process_of_first, process_of_second):
        for path, content in ((first, b"1;"), (second, b"2;")):
            answer = await process(RequestFactory().get(path))
            assert (answer.status_code, getattr(answer, "content", None)) == (200, content)
        for path in (first.replace(".", ".0", 1), f"/static/../version/a.{'0' * 12}.js", "/static/staticfiles.json"):
            assert (await process(RequestFactory().get(path))).status_code == 404


@pytest.mark.slow
def test_modules_import_each_other_under_hashed_names(tmp_path: Path) -> None:
    (tmp_path / "collected.py").write_text(f"from hub.settings import *\nSTATIC_ROOT = {str(tmp_path / 'static')!r}\n")
    environment = clean_environment(
        HUB_ENV="production",
        SECRET_KEY=secrets.token_urlsafe(64),
        DATABASE_URL="postgres://nobody@127.0.0.1/nothing",
        DJANGO_SETTINGS_MODULE="collected",
        PYTHONPATH=os.pathsep.join([str(tmp_path), str(BASE_DIR)]),
    )
    command = [sys.executable, "manage.py", "collectstatic", "--noinput"]
    ended = forking.run(command, cwd=BASE_DIR, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    root = tmp_path / "static"
    hashed = [path for path in (root / "hub" / "js").rglob("*.js") if re.search(r"\.[0-9a-f]{12}\.js$", path.name)]
    assert any(path.name.startswith("widgets.") for path in hashed)
    imports = 0
    for path in hashed:
        for target in re.findall(r'^import[^;]*?["\'](\.[^"\']+)["\'];', path.read_text(), flags=re.MULTILINE):
            imports += 1
            assert re.search(r"\.[0-9a-f]{12}\.(js|css|svg)$", target), f"{path.name} imports {target}"
            assert (path.parent / target).is_file()
    assert imports > 20
