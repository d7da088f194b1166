"""Backend code of a hub: it calls what an application calls, ``notify`` and its kin, in a process without a server."""

import time
import uuid
from collections.abc import Callable

import django

from lab.bench.frames import message
from lab.bench.processes import answer_commands

django.setup()

from asgiref.sync import async_to_sync
from django.contrib.auth.models import Group
from django.db import connection

from hub.bus import announcer, envelope
from hub.bus.layer import layer
from hub.channels import group_name
from hub.streams import Envelope
from hub.users.model import all_users, log_in_field
from lab.bench.publishers import log_in_names
from lab.bench.publishers.hub_tasks import send_to_group, tell_people
from lab.bench.publishers.inboxes import fill_inbox, read_inbox
from lab.bench.publishers.jobs import jobs_channel, start_steps, steps_ended
from lab.bench.publishers.queue_tasks import bulk_left, fill_bulk, send_by_worker
from lab.bench.publishers.schedules import make_schedules, schedules_at_once, schedules_over, schedules_sent
from notifications import MEMBERS, Alert, alert, notify, on_save
from notifications.models import Distribution
from notifications.sending.actions import send

SIZE = 100


@on_save(Group, created=True)
def group_made(group: Group) -> Alert:
    """The rule of the row *save to browser*."""
    return alert(to="everyone", message=message(SIZE))


def ready() -> None:
    """Connect to the database and to Redis, which an application has done long before it publishes."""
    notify(to=f"user:{log_in_names.of(1999)}", message="nobody listens to this one")
    announcer.flush()


def tell(person: int) -> None:
    """One alert to the person of this number alone."""
    notify(to=f"user:{log_in_names.of(person)}", message=message(SIZE))


def burst(count: int, size: int) -> dict[str, int]:
    """``count`` alerts to everyone in one go: rows, offsets and announcements in bulk."""
    text = message(size)
    began = time.monotonic_ns()
    send([alert(to="everyone", message=text) for _ in range(count)])
    return {"began": began, "ended": time.monotonic_ns()}


def one(size: int) -> dict[str, int]:
    """One alert to everyone."""
    text = message(size)
    began = time.monotonic_ns()
    notify(to="everyone", message=text)
    return {"began": began, "ended": time.monotonic_ns()}


def one_by_one(count: int, size: int) -> dict[str, int]:
    """``count`` alerts to everyone, each by a call and in transactions of its own."""
    text = message(size)
    began = time.monotonic_ns()
    for _ in range(count):
        notify(to="everyone", message=text)
    return {"began": began, "ended": time.monotonic_ns()}


def notify_each(calls: int, first: int) -> dict[str, object]:
    """An alert to one person after the other, 250 from ``first`` on in turn; milliseconds of each call."""
    text, took = message(SIZE), []
    began = time.monotonic_ns()
    for number in range(calls):
        to, before = f"user:{log_in_names.of(first + number % 250)}", time.perf_counter()
        notify(to=to, message=text)
        took.append((time.perf_counter() - before) * 1000)
    return {"began": began, "ended": time.monotonic_ns(), "took": took}


def notify_all(named: bool, size: int) -> dict[str, int]:
    """One notification to everybody who has an account: as a named audience, or as a queryset."""
    text = message(size)
    to = MEMBERS if named else all_users().order_by("pk")
    began = time.monotonic_ns()
    (row,) = notify(to=to, message=text)
    return {"began": began, "ended": time.monotonic_ns(), "id": row.pk}


def distributed(notification: int) -> dict[str, int]:
    """How many people have a notification, and whether all have; ``at`` is after that was read."""
    row = Distribution.objects.get(pk=notification)
    finished = int(row.finished_at is not None)
    return {"reached": row.reached, "finished": finished, "at": time.monotonic_ns(), "bytes": _database_size()}


def vacuumed() -> dict[str, int]:
    """The size of the database after a vacuum, as PostgreSQL does by itself within a minute: old versions of rows are
    free for later writes.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM")
    return {"bytes": _database_size()}


def _database_size() -> int:
    """Bytes that rows and indexes take in the database, with what a later write uses again."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()")
        else:
            cursor.execute("SELECT pg_database_size(current_database())")
        return int(cursor.fetchone()[0])


def start_task(times: int, people: int, size: int) -> dict[str, int]:
    """Hand the task of the row *personal alerts* to the worker; ``began`` is before that."""
    text = message(size)
    began = time.monotonic_ns()
    tell_people.delay(times, people, text)
    return {"began": began}


def from_task(size: int) -> dict[str, int]:
    """Hand the task of the row *group-send* to the worker; ``began`` is before that."""
    text = message(size)
    began = time.monotonic_ns()
    send_to_group.delay(text)
    return {"began": began}


def save() -> dict[str, int]:
    """Save a model that has a rule."""
    group = Group(name=uuid.uuid4().hex)
    began = time.monotonic_ns()
    group.save()
    return {"began": began, "ended": time.monotonic_ns()}


def costs(calls: int) -> dict[str, float]:
    """Milliseconds per call from synchronous code, each called ``calls`` times."""
    person = all_users().get(**{log_in_field(): log_in_names.of(0)})
    text = message(SIZE)
    item = Envelope("everyone", "", 0, '{"type":"bench.nothing","text":"' + text + '"}')

    def announce_and_wait() -> None:
        announcer.announce([item])
        announcer.flush()

    def send_to_the_group() -> None:
        async_to_sync(layer().group_send)(group_name(item.channel), envelope.pack(item))

    return {
        "announce, until Redis has it": mean(announce_and_wait, calls),
        "announce, until the call returns": mean(lambda: announcer.announce([item]), calls),
        "notify(to=user)": mean(lambda: notify(to=person, message=text), calls),
        "async_to_sync(group_send) on the hub's layer": mean(send_to_the_group, calls),
    }


def mean(call: Callable[[], object], calls: int) -> float:
    """Milliseconds per call; what a call left to do in the background is done before the next measurement."""
    call()
    began = time.perf_counter()
    for _ in range(calls):
        call()
    took = time.perf_counter() - began
    announcer.flush(30)
    return took / calls * 1000


if __name__ == "__main__":
    commands = (
        ready,
        tell,
        burst,
        one,
        one_by_one,
        notify_each,
        notify_all,
        distributed,
        vacuumed,
        start_task,
        from_task,
        save,
        costs,
        fill_inbox,
        read_inbox,
        bulk_left,
        fill_bulk,
        send_by_worker,
        jobs_channel,
        start_steps,
        steps_ended,
        make_schedules,
        schedules_at_once,
        schedules_over,
        schedules_sent,
    )
    answer_commands({command.__name__: command for command in commands})
