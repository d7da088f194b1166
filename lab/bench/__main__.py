"""``python -m lab.bench``: measure, print the table, write the JSON file."""

import argparse
import asyncio
import gc
import os
import signal
import sys
import time
import traceback

import uvloop

from lab.bench import machine, report
from lab.bench.lines import Line
from lab.bench.rows import BY_NAME, ROWS
from lab.bench.run import SYSTEMS, Bench


def main() -> int:
    """Returns 1 if a row could not be measured. Whether targets were reached is for people to judge."""
    parser = argparse.ArgumentParser(
        prog="python -m lab.bench", description="Measure the hub and what it competes with."
    )
    usual = ",".join(row for row in ROWS if row not in BY_NAME)
    only_asked_for = ",".join(sorted(BY_NAME))
    parser.add_argument("--rows", default=usual, help=f"comma-separated, of: %(default)s,{only_asked_for}")
    parser.add_argument("--runs", type=int, default=3, help="times a figure is taken (default: %(default)s)")
    names = ",".join(kind.name for kind in SYSTEMS)
    parser.add_argument("--systems", default=names, help="comma-separated, of: %(default)s")
    options = parser.parse_args()
    rows, systems = options.rows.split(","), options.systems.split(",")
    for what, wanted, known in (("row", rows, ",".join(ROWS)), ("system", systems, names)):
        if unknown := set(wanted) - set(known.split(",")):
            parser.error(f"there is no {what} {', '.join(sorted(unknown))}; there are {known}")
    if options.runs < 1:
        parser.error("--runs must be at least 1")
    left_out = _left_out(systems)
    bench = Bench(runs=options.runs, systems=[name for name in systems if name not in left_out])
    machine.raise_file_limit()
    if machine.GENERATOR_CORE:
        os.sched_setaffinity(0, machine.GENERATOR_CORE)
    gc.disable()  # a collection over ten thousand sockets would look like a slow server
    began = time.monotonic()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            lines, failed = runner.run(_measure(bench, rows))
    except (KeyboardInterrupt, asyncio.CancelledError):
        _say("stopped")
        return 130
    seconds = time.monotonic() - began
    _print_all(lines)
    print(f"\n{seconds:.0f} s; all figures in {report.write(lines, bench.runs, seconds, failed, left_out)}")
    if failed:
        _say(f"not measured: {', '.join(failed)}; see above")
    return 1 if failed else 0


def _left_out(wanted: list[str]) -> dict[str, str]:
    """The systems that are not measured, and why."""
    reasons = {kind.name: kind.missing() if kind.name in wanted else "not asked for" for kind in SYSTEMS}
    for name in wanted:
        if reasons[name]:
            _say(f"{name} is left out: {reasons[name]}")
    return {name: reason for name, reason in reasons.items() if reason}


async def _measure(bench: Bench, rows: list[str]) -> tuple[list[Line], list[str]]:
    """The lines, and the rows that failed. SIGTERM ends the measurement as Ctrl-C does: nothing is left behind."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    if task is not None:
        loop.add_signal_handler(signal.SIGTERM, task.cancel)
    lines: list[Line] = []
    failed = []
    for row in rows:
        began = time.monotonic()
        _say(f"measuring {row} …", end=" ")
        try:
            lines += await ROWS[row](bench)
        except Exception:  # noqa: BLE001  # whatever broke this row, the others may be well
            traceback.print_exc()
            failed.append(row)
        _say(f"{time.monotonic() - began:.0f} s")
    return lines, failed


def _print_all(lines: list[Line]) -> None:
    print(report.table(lines))
    print("\nProcessor time, and its share of one core:\n" + report.cpu_table(lines))
    if notes := report.notes(lines):
        print("\n" + notes)


def _say(text: str, end: str = "\n") -> None:
    print(text, file=sys.stderr, end=end, flush=True)


if __name__ == "__main__":
    sys.exit(main())
