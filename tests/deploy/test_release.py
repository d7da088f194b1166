"""The release procedure, run against a `docker` that only writes down how it is called."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from lab.harness.environment import BASE_DIR

DOCKER = """#!/usr/bin/env bash
echo "$*" >> "$CALLS"
case "$*" in
    *"$FAILS_AT"*) [ -z "$FAILS_AT" ] || exit 1 ;;
esac
case "$*" in
    "compose config --services")
        printf '%s\\n' redis worker worker-bulk worker-deliveries web-2 nginx web-1 beat prepare postgres
        ;;
    "compose ps --quiet beat") [ "$RUNS" = no ] || echo 4f1c ;;
    "inspect --format {{.Image}} 4f1c") echo sha256:77 ;;
esac
"""

UP = "compose up --detach --no-deps --wait --wait-timeout 180"


def release(folder: Path, *arguments: str, fails_at: str = "", runs: bool = True) -> tuple[int, list[str], str]:
    """Exit code, calls of docker in order, and what was said."""
    docker, calls = folder / "docker", folder / "calls"
    docker.write_text(DOCKER)
    docker.chmod(0o755)
    calls.touch()
    ended = subprocess.run(
        [str(BASE_DIR / "deploy" / "release"), *arguments],
        env={
            "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
            "CALLS": str(calls),
            "FAILS_AT": fails_at,
            "RUNS": "yes" if runs else "no",
        },
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return ended.returncode, calls.read_text().splitlines(), ended.stdout + ended.stderr


RUNNING = "compose ps --quiet beat"
KEEP = "image tag sha256:77 django-notification-hub:before"
BUILD = "compose build web-1"
BEGIN = [RUNNING, "inspect --format {{.Image}} 4f1c", KEEP, BUILD]
BACK = "image tag django-notification-hub:before django-notification-hub"
PREPARE = "compose run --rm --no-deps prepare"
SERVICES = "compose config --services"

#: Who does what others send comes before them (docs/howto/upgrade.md).
ORDER = ["worker-deliveries", "worker", "worker-bulk", "web-1", "web-2", "beat"]


def test_containers_are_replaced_one_after_the_other(tmp_path: Path) -> None:
    code, calls, said = release(tmp_path)
    assert code == 0, said
    assert calls == [*BEGIN, PREPARE, SERVICES, *(f"{UP} {name}" for name in ORDER)]


def test_without_build_the_image_stays(tmp_path: Path) -> None:
    code, calls, _ = release(tmp_path, "--no-build")
    assert code == 0
    assert calls[:2] == [PREPARE, SERVICES]


def test_the_way_back_is_the_other_way_round_and_leaves_the_database(tmp_path: Path) -> None:
    code, calls, said = release(tmp_path, "--back")
    assert code == 0, said
    assert calls == [BACK, SERVICES, *(f"{UP} {name}" for name in reversed(ORDER))]


def test_release_is_of_its_own_folder_whatever_that_is_called_and_the_shell_looks_for(tmp_path: Path) -> None:
    own, other = tmp_path / "a hub; $HOME", tmp_path / "other"
    for folder in (own, other):
        (folder / "deploy").mkdir(parents=True)
    shutil.copy(BASE_DIR / "deploy" / "release", own / "deploy")
    docker, calls = tmp_path / "docker", tmp_path / "calls"
    docker.write_text('#!/bin/sh\npwd -P >> "$CALLS"\n')
    docker.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        ["deploy/release", "--no-build"],  # relative, as people call it
        cwd=own,
        env={"PATH": path, "CALLS": str(calls), "CDPATH": str(other)},
        timeout=30,
        check=False,
    )
    assert set(calls.read_text().splitlines()) == {str(own.resolve())}


def test_page_has_the_same_order_in_both_directions() -> None:
    page = (BASE_DIR / "docs/howto/upgrade.md").read_text()
    _, steps, back = re.split(r"^## (?:Steps|Go back)$", page.partition("\n## While")[0], flags=re.MULTILINE)
    kinds = {"workers": "worker", "web processes": "web-", "beat": "beat"}
    said = [
        [kinds[name] for name in re.findall(r"\*\*(?:Replace )?(?:the )?(workers|web processes|beat)\*\*", text)]
        for text in (steps, back)
    ]
    replaced = [next(kind for kind in kinds.values() if name.startswith(kind)) for name in ORDER]
    assert said == [list(dict.fromkeys(replaced)), list(dict.fromkeys(reversed(replaced)))]


def test_there_is_no_way_back_from_the_first_version(tmp_path: Path) -> None:
    code, calls, said = release(tmp_path, "--back", fails_at="image tag")
    assert (code, calls) == (1, [BACK])
    assert "no version before" in said


def test_first_release_has_no_version_before_it(tmp_path: Path) -> None:
    code, calls, _ = release(tmp_path, runs=False)
    assert code == 0
    assert calls[:3] == [RUNNING, BUILD, PREPARE]


@pytest.mark.parametrize(
    ("fails_at", "last", "says"),
    [
        ("build", BUILD, "nothing has changed"),
        ("run --rm", PREPARE, "the database was not brought up to date"),
        ("180 web-1", f"{UP} web-1", "web-1 is not well"),
        ("180 web-2", f"{UP} web-2", "web-2 is not well"),
        ("180 worker", f"{UP} worker-deliveries", "worker-deliveries is not well"),
        ("180 beat", f"{UP} beat", "beat is not well"),
    ],
)
def test_what_fails_ends_it_there(tmp_path: Path, fails_at: str, last: str, says: str) -> None:
    code, calls, said = release(tmp_path, fails_at=fails_at)
    assert (code, calls[-1]) == (1, last)
    assert says in said
    assert ("deploy/release --back" in said) == (fails_at != "build")


def test_unknown_argument_is_refused_before_anything_runs(tmp_path: Path) -> None:
    code, calls, said = release(tmp_path, "--fast")
    assert (code, calls) == (2, [])
    assert "usage" in said
