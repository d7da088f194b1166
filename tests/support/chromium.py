"""Which Chromium the browser tests drive. ``python -m tests.support.chromium`` says it, or fails without one."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

#: What a sandboxed machine without a display needs; the rest keeps the browser from talking to the outside.
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]


#: The first one is the same browser without the windows around the pages, which cost as much as the pages.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


def find_chromium() -> Path | None:
    """A Chromium on ``PATH``, else the one that playwright installed, else ``None``."""
    for name in NAMES:
        if (found := shutil.which(name)) and _runs(Path(found)):
            return Path(found)
    cache = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH", Path.home() / ".cache/ms-playwright"))
    return max((path for path in cache.glob("chromium-*/chrome-linux*/chrome") if _runs(path)), default=None)


def _runs(program: Path) -> bool:
    return subprocess.run([program, "--version"], capture_output=True, timeout=60, check=False).returncode == 0


if __name__ == "__main__":
    chromium = find_chromium()
    print(chromium or "There is no Chromium.")
    sys.exit(chromium is None)
