"""A run's result as people and as programs read it."""

import json
from typing import Any

from lab.chaos.run import Result


def text(result: Result, *, seed: int) -> str:
    """A page for people."""
    verdict = result.verdict
    lines = ["", "injections"]
    for injected in result.injections:
        lines.append(f"  {injected.what.strip()}: {injected.took:.1f} s")
        lines += [f"      {note}" for note in injected.notes]
    lines += ["", "counts", *(f"  {number:7}  {name}" for name, number in verdict.counts.items())]
    lines += ["", "connections that ended, by close code"]
    lines += [f"  {number:7}  {code}" for code, number in sorted(result.closed.items())]
    lines += ["", "connections that were not made, by reason"]
    lines += [f"  {number:7}  {reason}" for reason, number in sorted(result.failed.items())]
    lines += ["", *(f"NOT HELD  {finding}" for finding in verdict.findings)]
    lines.append("All promises held." if verdict.holds else f"{len(verdict.findings)} findings. Replay: --seed {seed}")
    return "\n".join(lines)


def as_json(result: Result, **about: Any) -> str:
    """The same for programs; ``about`` says which run it was."""
    verdict = result.verdict
    return json.dumps(
        {
            **about,
            "holds": verdict.holds,
            "findings": verdict.findings,
            "counts": verdict.counts,
            "closed": result.closed,
            "failed": result.failed,
            "injections": [
                {"what": s.what.strip(), "took": s.took, "notes": s.notes, "findings": s.findings}
                for s in result.injections
            ],
        },
        indent=2,
    )
