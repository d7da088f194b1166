"""``python -m lab.chaos``: break a hub by a schedule and say whether its promises held; exit status 1 where not."""

import argparse
import asyncio
import contextlib
import inspect
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from lab.chaos import people, report, schedule
from lab.chaos.databases import database
from lab.chaos.faults import FAULTS
from lab.chaos.parts import Hub
from lab.chaos.run import run
from lab.chaos.soak import soak

SECONDS, SOAK_SECONDS = 300.0, 600.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run by the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    if options.list:
        for name, fault in FAULTS.items():
            print(f"{name:22} {inspect.getdoc(fault)}")
        return 0
    with _running_hub(postgres=options.postgres, keep=options.keep) as hub:
        who = people.make(hub)
        if options.soak:
            return asyncio.run(soak(hub, who, seconds=options.seconds or SOAK_SECONDS, seed=options.seed))
        usable = {name: FAULTS[name] for name in options.faults if not _skipped(hub, name)}
        seconds = options.seconds or SECONDS
        plan = schedule.whole_table(list(usable)) if options.full else schedule.plan(options.seed, seconds, usable)
        front = "nginx" if hub.proxy else "no proxy"
        print(f"seed {options.seed}, {len(plan)} injections, {hub.database.name}, {front}", flush=True)
        result = asyncio.run(run(hub, who, plan, seed=options.seed))
    print(report.text(result, seed=options.seed))
    if options.json:
        options.json.write_text(report.as_json(result, seed=options.seed, database=hub.database.name, front=front))
    return 0 if result.verdict.holds else 1


def _skipped(hub: Hub, name: str) -> bool:
    if reason := FAULTS[name].why_not(hub):
        print(f"without {name}: {reason}")
    return bool(reason)


@contextlib.contextmanager
def _running_hub(*, postgres: bool, keep: bool) -> Iterator[Hub]:
    folder = Path(tempfile.mkdtemp(prefix="hub-chaos-"))
    try:
        with database(folder, postgres=postgres) as chosen:
            hub = Hub(folder, chosen)
            try:
                hub.start()
                yield hub
            finally:
                hub.stop()
    finally:
        if keep:
            print(f"Data and logs are in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lab.chaos", description="Break a hub, and count the damage.")
    parser.add_argument("--seconds", type=float, help=f"length (default: {SECONDS:g}, soak {SOAK_SECONDS:g})")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="what is decided by chance")
    parser.add_argument("--faults", type=_names, default=list(FAULTS), help="names with commas between (default: all)")
    parser.add_argument("--full", action="store_true", help="each fault once, alone, at its full length")
    parser.add_argument("--postgres", action="store_true", help="on a PostgreSQL of its own instead of SQLite")
    parser.add_argument("--soak", action="store_true", help="come and go under load, and see whether anything grows")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the result there, too")
    parser.add_argument("--keep", action="store_true", help="keep the folder with data and logs")
    parser.add_argument("--list", action="store_true", help="list the faults")
    return parser


def _names(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in FAULTS]:
        raise argparse.ArgumentTypeError(f"no such fault: {', '.join(unknown)}; --list names them")
    return names


if __name__ == "__main__":
    sys.exit(main())
