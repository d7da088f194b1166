"""The widgets for pages of other origins, built as `make run` builds them."""

import functools
import os
import subprocess
from pathlib import Path

from lab.harness.environment import BASE_DIR

BUNDLE = BASE_DIR / "static/hub/built/widgets.js"


@functools.cache
def built() -> Path:
    """The bundle of the code as it is now. Several processes may build it: one that is there already stays."""
    path = f"{os.environ['PATH']}:{BASE_DIR / '.venv/bin'}"
    subprocess.run(["node", "tools/bundle.mjs"], cwd=BASE_DIR, env={"PATH": path}, check=True)
    return BUNDLE
