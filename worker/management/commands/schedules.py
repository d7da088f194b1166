from argparse import ArgumentParser, ArgumentTypeError
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from hub.publishing import flush
from notifications import sources
from worker.schedules import changing, running, wording
from worker.schedules.models import Schedule
from worker.schedules.periodic import ListedTask, periodic_tasks
from worker.schedules.rules import BadRule

#: Due times that are said at once: one of each minute has 1,440 in a day.
MOST_TIMES = 1000


class Command(BaseCommand):
    help = "List schedules and periodic tasks, and pause, resume and run a schedule."

    def add_arguments(self, parser: ArgumentParser) -> None:
        commands = parser.add_subparsers(dest="command", required=True)
        commands.add_parser("list", help="all schedules and periodic tasks, with when they are due next")
        for name, said in (
            ("next", "when it is due next"),
            ("run", "send it now, besides its due times"),
            ("pause", "send nothing until it is resumed"),
            ("resume", "go on with the due times from now on"),
        ):
            one = commands.add_parser(name, help=said)
            one.add_argument("schedule", help="its id or its key")
            if name == "next":
                one.add_argument("--count", type=_number, default=10, help=f"how many, 1 to {MOST_TIMES} (default 10)")

    def handle(self, *args: Any, command: str, **options: Any) -> None:
        if command == "list":
            for row in Schedule.objects.order_by("pk"):
                self.stdout.write(_line(row))
            for task in periodic_tasks():
                self.stdout.write(_line_of_task(task))
            return
        row = _named(options["schedule"])
        match command:
            case "next":
                self._say_next(row, options["count"])
            case "run":
                with sources.acting(sources.COMMAND, "schedules"):
                    run = running.run_now(row)
                flush()
                if run.error:
                    raise CommandError(f"It could not be sent. {run.error}")
                self.stdout.write(f"Sent ({len(run.notifications)} stored).")
            case "pause":
                self.stdout.write(_line(changing.pause(row)))
            case "resume":
                self.stdout.write(_line(changing.resume(row)))

    def _say_next(self, row: Schedule, count: int) -> None:
        try:
            for moment in row.next(count):
                self.stdout.write(moment.astimezone(row.timing().tz).isoformat())
        except (BadRule, OverflowError) as error:
            raise CommandError(str(error)) from None


def _number(text: str) -> int:
    number = int(text)
    if not 1 <= number <= MOST_TIMES:
        raise ArgumentTypeError(f"{number} is not from 1 to {MOST_TIMES}.")
    return number


def _named(text: str) -> Schedule:
    row = Schedule.objects.filter(key=text).first()
    if row is None and text.isascii() and text.isdigit() and len(text) < 19:
        row = Schedule.objects.filter(pk=int(text)).first()
    if row is None:
        raise CommandError(f"There is no schedule {text!r}.")
    return row


def _line_of_task(task: ListedTask) -> str:
    """Without its number, which names no schedule."""
    state = "off" if not task.is_on else _next(task.next_at) if task.next_at else "no due time is known"
    return f"periodic task  {task.name}  {task.task}  {task.schedule}  ({state})"


def _line(row: Schedule) -> str:
    state = "paused" if row.is_paused else _next(row.next_at) if row.next_at else "over"
    return f"{row.pk}  {row}  {wording.sentence_of(row)}  ({state})"


def _next(moment: datetime) -> str:
    return f"next {moment:%Y-%m-%d %H:%M} UTC"
