"""The table for people and the JSON for programs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lab.bench import machine
from lab.bench.figures import readable
from lab.bench.lines import BASELINE, HUB, Line

RESULTS = Path(__file__).parent / "results"

_HEADER = ("row", "what", "unit", "hub", "baseline", "× baseline", "peers", "× best peer", "target", "reached")


def table(lines: Sequence[Line]) -> str:
    """The lines as a Markdown table whose columns are aligned. "× baseline" above 1 means that the hub is better."""
    cells = [_HEADER, *map(_cells, lines)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(_HEADER))]
    cells.insert(1, tuple("-" * width for width in widths))
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in cells
    )


def _cells(line: Line) -> tuple[str, ...]:
    peers = line.peers
    return (
        line.row,
        line.what,
        line.unit,
        _readable(line.of(HUB)),
        _readable(line.of(BASELINE)),
        _readable(line.ratio(BASELINE)),
        ", ".join(f"{name} {_readable(line.of(name))}" for name in peers) or "–",
        _readable(line.ratio(peers[0])) if peers else "–",
        " and ".join(target.text for target in line.targets) or "–",
        {True: "yes", False: "no", None: "–"}[line.reached],
    )


def _readable(value: float | None) -> str:
    return "–" if value is None else readable(value)


def cpu_table(lines: Sequence[Line]) -> str:
    """Processor time of server and load generator, also in percent of one core: the latter must not be the limit."""
    rows = [
        f"  {line.row:10} {name:10} "
        f"server {share.server:6.2f} s {share.server / share.elapsed:5.0%}   "
        f"generator {share.generator:6.2f} s {share.generator / share.elapsed:5.0%}   {line.what}"
        for line in lines
        for name, share in line.cpu.items()
    ]
    return "\n".join(rows)


def notes(lines: Sequence[Line]) -> str:
    """What the rows say beside their figures."""
    return "\n".join(f"  {line.row} ({name}): {note}" for line in lines for name, note in line.notes.items())


def write(
    lines: Sequence[Line],
    runs: int,
    seconds: float,
    failed: Sequence[str] = (),
    left_out: Mapping[str, str] | None = None,
) -> Path:
    """Write all figures of all runs to ``lab/bench/results``; returns the file.

    Args:
        seconds: how long the whole took.
        failed: rows that have no lines because they could not be measured.
        left_out: systems that were not measured, and why.
    """
    now = datetime.now(UTC)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{now:%Y%m%dT%H%M%SZ}.json"
    content = {
        "at": now.isoformat(timespec="seconds"),
        "machine": machine.describe(),
        "runs": runs,
        "seconds": round(seconds, 1),
        "failed_rows": list(failed),
        "systems_left_out": dict(left_out or {}),
        "lines": [_as_json(line) for line in lines],
    }
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    return path


def _as_json(line: Line) -> dict[str, Any]:
    return {
        "row": line.row,
        "what": line.what,
        "unit": line.unit,
        "better": line.better,
        "values": line.values,
        "median": {name: line.of(name) for name in line.values},
        "ratio_to_baseline": line.ratio(BASELINE),
        "ratio_to_best_peer": line.ratio(line.peers[0]) if line.peers else None,
        "best_peer": line.peers[0] if line.peers else None,
        "targets": [target.text for target in line.targets],
        "reached": line.reached,
        "notes": line.notes,
        "cpu": {name: asdict(share) for name, share in line.cpu.items()},
    }
