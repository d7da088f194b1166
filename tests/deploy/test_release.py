"""The release procedure, run against a `docker` that only writes down how it is called."""

import os
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
esac
"""

UP = "compose up --detach --no-deps --wait --wait-timeout 180"


def release(folder: Path, *arguments: str, fails_at: str = "") -> tuple[int, list[str], str]:
    """Exit code, calls of docker in order, and what was said."""
    docker, calls = folder / "docker", folder / "calls"
    docker.write_text(DOCKER)
    docker.chmod(0o755)
    calls.touch()
    ended = subprocess.run(
        [str(BASE_DIR / "deploy" / "release"), *arguments],
        env={"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "CALLS": str(calls), "FAILS_AT": fails_at},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return ended.returncode, calls.read_text().splitlines(), ended.stdout + ended.stderr


BEGIN = ["image tag django-notification-hub django-notification-hub:before", "compose build web-1"]
PREPARE = "compose run --rm --no-deps prepare"
SERVICES = "compose config --services"


def test_containers_are_replaced_one_after_the_other(tmp_path: Path) -> None:
    code, calls, said = release(tmp_path)
    assert code == 0, said
    replaced = [f"{UP} {name}" for name in ("web-1", "web-2", "worker-deliveries", "worker", "worker-bulk", "beat")]
    assert calls == [*BEGIN, PREPARE, SERVICES, *replaced]


def test_without_build_the_image_stays(tmp_path: Path) -> None:
    code, calls, _ = release(tmp_path, "--no-build")
    assert code == 0
    assert calls[:2] == [PREPARE, SERVICES]


def test_first_release_has_no_version_before_it(tmp_path: Path) -> None:
    code, calls, _ = release(tmp_path, fails_at="image tag")
    assert (code, len(calls)) == (0, 10)


@pytest.mark.parametrize(
    ("fails_at", "last", "says"),
    [
        ("build", BEGIN[-1], "nothing has changed"),
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
    if fails_at != "build":
        assert "docker image tag django-notification-hub:before django-notification-hub" in said


def test_unknown_argument_is_refused_before_anything_runs(tmp_path: Path) -> None:
    code, calls, said = release(tmp_path, "--fast")
    assert (code, calls) == (2, [])
    assert "usage" in said
