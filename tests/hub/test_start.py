"""What a process does not do at its start, because every start would pay for it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lab.harness.environment import BASE_DIR, clean_environment

SHOW = "import gc, json, sys; print(json.dumps([gc.get_threshold()[0], list(sys.modules)]))"


@pytest.mark.slow
@pytest.mark.parametrize("entry", ["hub.asgi", "worker.celery"])
def test_start_looks_for_no_garbage_and_loads_no_second_library_for_messages(entry: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", f"import {entry}; {SHOW}"]
    environment = clean_environment(HUB_DATA_DIR=str(tmp_path / "data"))
    ended = subprocess.run(
        command, cwd=BASE_DIR, env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    threshold, modules = json.loads(ended.stdout)
    assert threshold >= 10_000
    assert not {"ninja", "pydantic"} & set(modules)


@pytest.mark.slow
def test_web_server_knows_its_bounds_before_the_apps_are_ready(tmp_path: Path) -> None:
    environment = clean_environment(HUB_DATA_DIR=str(tmp_path / "data"), DJANGO_SETTINGS_MODULE="hub.settings")
    command = [sys.executable, "-c", "from hub.server import descriptors, serve"]
    subprocess.run(command, cwd=BASE_DIR, env=environment, check=True, timeout=60)
