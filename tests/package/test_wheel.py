"""The package that projects install: what is in it, and what is not."""

import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

import hub
from lab.harness.environment import BASE_DIR, clean_environment
from tests.support.bundle import built

pytestmark = pytest.mark.any_database

PACKAGES = ("chat", "hub", "notifications", "presence", "worker")

#: Where a folder of the repository is in the wheel.
MOVED = {"templates": "hub/templates", "static": "hub/static", "locale": "hub/locale"}

#: Of npm packages: pages load these.
VENDORED = {
    f"hub/static/hub/vendor/{name}{end}"
    for name in ("centrifuge/centrifuge.js", "swagger-ui/swagger-ui.css", "swagger-ui/swagger-ui-bundle.js")
    for end in ("", ".map")  # storages with hashed names look for what a file says its map is
}


#: What is built of the repository's own files.
BUILT = {"hub/static/hub/built/widgets.js"}


def build(source: Path, target: str, folder: Path) -> Path:
    if source == BASE_DIR:
        built()
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(folder)],
        cwd=source,
        check=True,
        capture_output=True,
    )
    (package,) = folder.glob("*.whl" if target == "wheel" else "*.tar.gz")
    return package


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(BASE_DIR, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(BASE_DIR, "sdist", tmp_path_factory.mktemp("source"))


def files(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def tracked(*folders: str) -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", *folders],
        cwd=BASE_DIR,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\0")
    return [name for name in listed if name and (BASE_DIR / name).is_file()]


def in_wheel(name: str) -> str:
    folder, _, rest = name.partition("/")
    return f"{MOVED.get(folder, folder)}/{rest}"


@pytest.mark.slow
def test_wheel_holds_the_code_the_files_of_its_pages_and_nothing_else(wheel: Path) -> None:
    wanted = {in_wheel(name) for name in tracked(*PACKAGES, *MOVED)} | VENDORED | BUILT
    assert files(wheel) == wanted
    assert {name.partition("/")[0] for name in files(wheel)} == set(PACKAGES)


def test_wheel_says_its_types_its_version_and_what_it_needs(wheel: Path) -> None:
    assert {f"{package}/py.typed" for package in PACKAGES} <= files(wheel)
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(archive.read(name).decode())
    assert metadata["Version"] == hub.__version__
    needs = metadata.get_all("Requires-Dist") or []
    assert any(need.startswith("django<") for need in needs)
    # Whoever stays with another database installs no driver for PostgreSQL.
    assert [need for need in needs if need.startswith("psycopg") and "extra == 'postgres'" not in need] == []
    assert metadata.get_all("Provides-Extra") == ["postgres"]


@pytest.mark.slow
def test_wheel_alone_has_nothing_to_warn_of_and_keeps_its_files_in_the_current_folder(
    wheel: Path, tmp_path: Path
) -> None:
    packages, current = tmp_path / "packages", tmp_path / "current"
    current.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)  # noqa: S202  # it was built here
    before = sorted(one.name for one in packages.iterdir())
    for command in (["check", "--fail-level", "WARNING"], ["collectstatic", "--noinput"]):
        subprocess.run(
            [sys.executable, "-m", "django", *command],
            cwd=current,
            env=clean_environment(PYTHONPATH=str(packages), DJANGO_SETTINGS_MODULE="hub.settings"),
            check=True,
        )
    assert (current / "var/secret_key").is_file()
    assert (current / "var/staticfiles/hub/built/widgets.js").is_file()
    assert sorted(one.name for one in packages.iterdir()) == before


@pytest.mark.slow
def test_wheel_can_be_built_from_the_source_package_without_node(source: Path, wheel: Path, tmp_path: Path) -> None:
    with tarfile.open(source) as archive:
        archive.extractall(tmp_path, filter="data")
    (unpacked,) = (path for path in tmp_path.iterdir() if path.is_dir())
    assert not (unpacked / "lab").exists()
    assert not (unpacked / "tests").exists()
    assert files(build(unpacked, "wheel", tmp_path / "again")) == files(wheel)
