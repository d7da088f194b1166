"""The shipped nginx configuration, made fit for the machine's own nginx and for other addresses and folders."""

import re
import shutil
import subprocess
from collections.abc import Mapping

from lab.harness.environment import BASE_DIR

#: The program; None where it is not installed.
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")

SHIPPED = BASE_DIR / "deploy" / "nginx.conf"

#: The first version that looks up the servers of an upstream while it runs.
RESOLVES = (1, 27, 3)


def version() -> tuple[int, ...]:
    """Of the machine's nginx."""
    shown = subprocess.run([str(NGINX), "-v"], capture_output=True, text=True, check=True).stderr
    found = re.search(r"nginx/(\d+)\.(\d+)\.(\d+)", shown)
    assert found, shown
    return tuple(map(int, found.groups()))


def adapted(changes: Mapping[str, str]) -> str:
    """The shipped configuration, each key of ``changes`` replaced by its value.

    Names of servers are looked up at the start only where this nginx cannot do it later. Raises ``AssertionError`` for
    a text that the configuration does not have.
    """
    changed = dict(changes)
    if version() < RESOLVES:
        changed[" resolve max_fails=0"] = " max_fails=0"
    text = SHIPPED.read_text()
    for shipped, here in changed.items():
        assert shipped in text, f"deploy/nginx.conf has no {shipped!r}"
        text = text.replace(shipped, here)
    return text
