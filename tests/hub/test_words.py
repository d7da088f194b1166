"""What pages and documents tell people to type and to do is what there is, in one word for one thing."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from lab.harness.environment import BASE_DIR, clean_environment

#: What clients of the chat know is kept, and names of the code are no words for people.
KNOWN_TO_CLIENTS = "Only signed-in users can write messages"

SIGN_IN = re.compile(r"(?<![\w-])sign(s|ed|ing)?[ -](in|out)(?![\w-])", re.IGNORECASE)


def texts() -> Iterator[Path]:
    yield from (BASE_DIR / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", ".env.example"))
    for folder, kinds in (("docs", {".md", ".json"}), ("templates", {".html", ".txt"}), ("static/hub/js", {".js"})):
        yield from (path for path in (BASE_DIR / folder).rglob("*") if path.suffix in kinds)
    for package in ("chat", "hub", "notifications", "presence", "worker"):
        yield from (BASE_DIR / package).rglob("*.py")


def test_people_log_in_and_nobody_signs_in() -> None:
    files = list(texts())
    assert len(files) > 200
    found = [
        f"{path.relative_to(BASE_DIR)}: {match[0]}"
        for path in files
        for match in SIGN_IN.finditer(path.read_text().replace(KNOWN_TO_CLIENTS, ""))
    ]
    assert found == []


@pytest.mark.slow
@pytest.mark.django_db
@pytest.mark.parametrize("page", ["hub:home", "hub:notifications:list"])
def test_command_on_a_page_runs_as_it_is_shown(client: Client, page: str, tmp_path: Path) -> None:
    content = client.get(reverse(page)).content.decode()
    (shown,) = re.findall(r"<code>([^<]* notify --to [^<]*)</code>", content)
    python, *arguments = shlex.split(unescape(shown))
    assert arguments[:2] == ["manage.py", "notify"]
    # As far as it goes without sending anything.
    ended = subprocess.run(
        [python, *arguments[:2], "--help"],
        cwd=BASE_DIR,
        env=clean_environment(HUB_DATA_DIR=str(tmp_path / "data")),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0 and "--to" in ended.stdout
