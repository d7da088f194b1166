"""A fresh virtual environment into which the hub's wheel is installed: nothing of the repository can be imported."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

#: Of a shell in which pip is called.
VARIABLES = {
    "HOME": os.environ.get("HOME", "/"),
    "PIP_NO_INDEX": "1",
    "PIP_NO_COMPILE": "1",  # Python does that with what it imports
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
}


class FreshEnvironment:
    """An environment that ``python -m venv`` makes in ``folder``, unless there is one; ``variables`` are those of a
    shell in which it is active.

    What the hub needs of others is that of the tests' own environment, where pip finds it as installed; pip asks no
    index, so it fails if the wheel wants what the lock files do not have. One that is there is only read: other test
    processes may be starting Pythons in it.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.exists():
            subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
            with_packages_of_the_tests(folder)
        self.python = folder / "bin/python"
        self.packages = _packages(folder)
        self.variables = {
            **VARIABLES,
            "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "VIRTUAL_ENV": str(folder),
        }


def with_packages_of_the_tests(folder: Path) -> None:
    """From now on Python of this virtual environment finds the packages of the tests' own, too.

    One that starts meanwhile may find none of them.
    """
    (_packages(folder) / "of_the_tests.pth").write_text(sysconfig.get_path("purelib"))


def _packages(folder: Path) -> Path:
    (packages,) = folder.glob("lib/python*/site-packages")
    return packages
