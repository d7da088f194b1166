"""``python -m lab.audit [LOOK …]``: all looks, or those that are named. Exit code 1 where something was found."""

import argparse
import sys
from collections.abc import Callable, Sequence

from lab.audit import advisories, modes, production, subjects, tree
from lab.audit.outcome import Outcome
from lab.harness.environment import BASE_DIR

LOOKS: dict[str, tuple[str, Callable[[], Outcome]]] = {
    "tree": ("secrets in tracked files", lambda: tree.look(BASE_DIR)),
    "subjects": ("subjects of commits", lambda: subjects.look(BASE_DIR)),
    "production": ("settings that production must refuse", production.look),
    "modes": ("file modes of a fresh hub", modes.look),
    "python": ("advisories of Python packages", lambda: advisories.look_at_python(BASE_DIR)),
    "npm": ("advisories of npm packages", lambda: advisories.look_at_npm(BASE_DIR)),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the looks, say what each came to, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m lab.audit", description="Look for what is unsafe.")
    parser.add_argument("looks", nargs="*", metavar="LOOK", help=f"of {', '.join(LOOKS)}; default: all")
    named = parser.parse_args(arguments).looks or list(LOOKS)
    if unknown := [name for name in named if name not in LOOKS]:
        parser.error(f"there is no look {unknown[0]!r}: there are {', '.join(LOOKS)}")
    outcomes = [_report(name) for name in named]
    return int(any(outcome.state == "found" for outcome in outcomes))


def _report(name: str) -> Outcome:
    title, look = LOOKS[name]
    outcome = look()
    said = {"clean": "clean", "found": f"{len(outcome.found)} found", "unreachable": ""}[outcome.state]
    print(f"{title}: {', '.join(filter(None, (said, outcome.note)))}", flush=True)
    for line in outcome.found:
        print(f"  {line}")
    return outcome


if __name__ == "__main__":
    sys.exit(main())
