"""Known holes of the packages in the lock files, as far as a registry answers."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lab.audit.outcome import Outcome

#: Seconds that one registry may take for everything.
TIMEOUT = 180.0

UNREACHABLE = Outcome("unreachable", note="not reachable: no registry answered, so nothing is known")

PIP_AUDIT = (sys.executable, "-m", "pip_audit", "--require-hashes", "--disable-pip", "--format", "json")
PIP_AUDIT_OPTIONS = ("--progress-spinner", "off", "--timeout", "10")


def look_at_python(root: Path, command: Sequence[str] = PIP_AUDIT) -> Outcome:
    """Advisories of the Python packages that the hub is installed with and developed with."""
    answer = _json_of([*command, *PIP_AUDIT_OPTIONS, "--requirement", "requirements/dev.lock"], root)
    packages = answer.get("dependencies") if isinstance(answer, dict) else None
    if not isinstance(packages, list):
        return UNREACHABLE
    asked = [package for package in packages if isinstance(package, dict) and "skip_reason" not in package]
    if not asked:
        return UNREACHABLE
    found = [_told(package, hole) for package in asked for hole in package["vulns"]]
    left = len(packages) - len(asked)
    return Outcome.of(found, f"{len(asked)} packages" + (f", and {left} of which nothing is known" if left else ""))


def _told(package: Any, hole: Any) -> str:
    mended = ", ".join(hole["fix_versions"]) or "no version"
    return f"{package['name']} {package['version']}: {hole['id']}, mended in {mended}"


def look_at_npm(root: Path, command: Sequence[str] = ("tools/npm", "audit", "--json")) -> Outcome:
    """Advisories of the npm packages in ``package-lock.json``."""
    answer = _json_of(command, root)
    holes = answer.get("vulnerabilities") if isinstance(answer, dict) else None
    if not isinstance(holes, dict):
        return UNREACHABLE
    return Outcome.of([f"{name}: {hole['severity']} ({hole['range']})" for name, hole in sorted(holes.items())])


def _json_of(command: Sequence[str], root: Path) -> Any:
    """What a command prints as JSON, whatever its exit code; None where it prints none.

    What it says besides is dropped: it names addresses, and where no registry answers it says nothing else.
    """
    try:
        ended = subprocess.run(
            list(command), cwd=root, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT, check=False
        )
        return json.loads(ended.stdout)
    except (OSError, subprocess.TimeoutExpired, ValueError):
        return None
