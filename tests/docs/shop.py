"""An app ``shop`` made of code blocks, in a project of its own, as readers of the documents would have it."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from lab.harness import forking
from lab.harness.environment import BASE_DIR, clean_environment
from tests.support.live import new_database

SETTINGS = "from hub.settings import *\n\nINSTALLED_APPS = [*INSTALLED_APPS, 'shop']\n"

SET_UP = """
import django
django.setup()
from django.core.management import call_command
call_command("makemigrations", "shop", verbosity=0)
call_command("migrate", verbosity=0)
"""


class Shop:
    """The project in ``folder``. ``run`` executes code in a process of it."""

    def __init__(self, folder: Path, files: Mapping[str, str], variables: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = clean_environment(
            DJANGO_SETTINGS_MODULE="shop_settings",
            HUB_DATA_DIR=str(folder / "var"),
            REDIS_URL=settings.HUB_REDIS_URL,
            PYTHONPATH=os.pathsep.join([str(folder), str(BASE_DIR)]),
            **variables,
        )
        for name, code in {"shop/__init__.py": "", "shop_settings.py": SETTINGS, **files}.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(code)

    def run(self, code: str, timeout: float = 180.0) -> str:
        """What ``code`` prints, with Django set up and the tables made; ``AssertionError`` when it fails."""
        ended = forking.run(
            [sys.executable, "-c", SET_UP + code],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout


@contextmanager
def shop(folder: Path, files: Mapping[str, str]) -> Iterator[Shop]:
    """The project with these files, on a database of its own."""
    with new_database(folder / "var") as variables:
        yield Shop(folder, files, variables)
