"""Making, changing, pausing and deleting schedules: every write but those of ``worker.schedules.running``."""

import dataclasses
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction

from hub.validation import is_storable
from worker.schedules import contents as schedule_contents
from worker.schedules import publishing, rules, running, waiting
from worker.schedules.models import KEY_LIMIT, NAME_LIMIT, Missed, Schedule, ScheduleRun
from worker.schedules.rules import Every, Timing

#: The longest grace time, and most runs.
LONGEST_GRACE, RUNS_LIMIT = timedelta(days=366), 1_000_000

#: Rows of the history that one statement deletes.
RUNS_AT_ONCE = 1000

#: What people are told, and when. Where one of these is changed, what waits for their local time says it no more.
TOLD_BY = frozenset({"contents", "rule", "zone", "starts_at", "ends_at"})


class BadSchedule(ValueError):
    """A schedule cannot be as it was asked for; the text says why."""


@dataclasses.dataclass(frozen=True, slots=True)
class WantedSchedule:
    """What a schedule is to be.

    Args:
        contents: what :func:`worker.schedules.contents.as_json` gave.
        max_runs: due times that are sent until it is over.
        missed: what becomes of due times that are later than ``grace``, a value of ``Missed``.
        grace: how late a due time is still sent; without it until the next one, an hour at most.
        made_by: who answers for it, as a source of notifications; empty: code.
    """

    contents: dict[str, Any]
    timing: Timing
    name: str = ""
    max_runs: int | None = None
    missed: str = Missed.ONCE.value
    grace: timedelta | None = None
    made_by: str = ""


def checked(wanted: WantedSchedule) -> WantedSchedule:
    """The same in order and complete. Raises as :func:`create` where it cannot be."""
    if len(wanted.name) > NAME_LIMIT:
        raise BadSchedule(f"The name of a schedule has at most {NAME_LIMIT} characters.")
    if not is_storable(wanted.name):
        raise BadSchedule("The name of a schedule has characters that cannot be stored.")
    if wanted.missed not in Missed.values:
        raise BadSchedule(f"When missed: one of {', '.join(Missed.values)}, not {wanted.missed!r}.")
    if wanted.max_runs is not None and not 1 <= wanted.max_runs <= RUNS_LIMIT:
        raise BadSchedule(f"A schedule has 1 to {RUNS_LIMIT} runs.")
    if wanted.grace is not None and not timedelta(0) < wanted.grace <= LONGEST_GRACE:
        raise BadSchedule(f"The grace time of a schedule is more than nothing and at most {LONGEST_GRACE.days} days.")
    timing = rules.checked(from_now(wanted.timing))
    if timing.is_local:
        schedule_contents.check_local(wanted.contents)
    if next(timing.after(datetime.now(UTC) - timedelta(minutes=1)), None) is None:
        raise BadSchedule("This schedule is never due: its times are over, or there are no such days.")
    return dataclasses.replace(wanted, timing=timing)


def checked_key(key: Any) -> str | None:
    """The key of a schedule, or of a run by hand. Raises ``BadSchedule`` where it is none."""
    if key is not None and not (isinstance(key, str) and 1 <= len(key) <= KEY_LIMIT and is_storable(key)):
        raise BadSchedule(f"The key of a schedule has 1 to {KEY_LIMIT} characters that can be stored.")
    return key


def from_now(timing: Timing) -> Timing:
    """The timing; a pause that has no start counts from now on."""
    if isinstance(timing.rule, Every) and timing.start is None:
        return dataclasses.replace(timing, start=datetime.now(UTC).replace(microsecond=0))
    return timing


def _columns(wanted: WantedSchedule) -> dict[str, Any]:
    return {
        "name": wanted.name,
        "contents": wanted.contents,
        "rule": rules.as_json(wanted.timing.rule),
        "zone": wanted.timing.zone,
        "starts_at": wanted.timing.start,
        "ends_at": wanted.timing.end,
        "max_runs": wanted.max_runs,
        "missed": wanted.missed,
        "grace": wanted.grace,
        "made_by": wanted.made_by,
    }


def wanted_of(row: Schedule) -> WantedSchedule:
    """What the schedule is now, to change some of it. Raises ``BadRule`` where its row cannot be read."""
    return WantedSchedule(row.contents, row.timing(), row.name, row.max_runs, row.missed, row.grace, row.made_by)


def create(wanted: WantedSchedule, *, key: str | None = None) -> tuple[Schedule, bool]:
    """Make a schedule; with a ``key`` change the one that has it, and leave it alone where it is the same already.

    Returns it, and whether it is new. Callers at the same time with one key make one schedule.

    Raises:
        BadSchedule, BadRule, BadAlert: it cannot be; nothing is stored.
    """
    if checked_key(key) is not None and (row := Schedule.objects.filter(key=key).first()) is not None:
        return _change_keyed(row, wanted), False
    try:
        with transaction.atomic():
            row = Schedule(key=key, **_columns(checked(wanted)))
            row.save(force_insert=True)
            running.plan(row, row.created_at)
            row.refresh_from_db()
            publishing.publish_changed([row.pk])
    except IntegrityError:
        if key is None:
            raise
        return _change_keyed(Schedule.objects.get(key=key), wanted), False
    return row, True


def _change_keyed(row: Schedule, wanted: WantedSchedule) -> Schedule:
    """As :func:`change`; a pause counts on from the start that it has, unless another one is asked for."""
    timing = wanted.timing
    if isinstance(timing.rule, Every) and timing.start is None and row.rule == rules.as_json(timing.rule):
        wanted = dataclasses.replace(wanted, timing=dataclasses.replace(timing, start=row.starts_at))
    return change(row, wanted)


def change(row: Schedule, wanted: WantedSchedule) -> Schedule:
    """Have the schedule be what is wanted from now on. Raises as :func:`create`; then it stays as it is."""
    columns = _columns(wanted)
    with transaction.atomic():
        held = Schedule.objects.select_for_update().get(pk=row.pk)
        if any(getattr(held, name) != value for name, value in columns.items()):
            columns = _columns(checked(wanted))
            is_told_anew = any(getattr(held, name) != columns[name] for name in TOLD_BY)
            for name, value in columns.items():
                setattr(held, name, value)
            held.attempts, held.try_at = 0, None  # it may have been that
            _save(held)
            if is_told_anew:
                waiting.cancel(held.pk)
    held.refresh_from_db()
    return held


def _save(held: Schedule) -> None:
    """Store the row, and at once when it is due next: nothing that is due in a moment waits for a beat to look."""
    held.save()
    publishing.publish_changed([held.pk])
    if not held.is_planned and not held.is_paused:
        running.plan(held, held.next_at or datetime.now(UTC))


def pause(row: Schedule) -> Schedule:
    """Send nothing until :func:`resume`. Due times meanwhile are none: nobody makes up for them."""
    return _set_paused(row, is_paused=True)


def resume(row: Schedule) -> Schedule:
    """Go on with the due times from now on."""
    return _set_paused(row, is_paused=False)


def _set_paused(row: Schedule, *, is_paused: bool) -> Schedule:
    with transaction.atomic():
        held = Schedule.objects.select_for_update().get(pk=row.pk)
        if held.is_paused is not is_paused:
            held.is_paused = is_paused
            _save(held)
            if is_paused:
                waiting.cancel(held.pk)
    return held


def delete(rows: Iterable[Schedule]) -> int:
    """Delete schedules with their history, and what waits of them for people's local times; returns how many."""
    deleted = 0
    for row in rows:
        # In parts, so that nobody waits for the row while much is deleted.
        while old := list(row.runs.order_by("pk").values_list("pk", flat=True)[:RUNS_AT_ONCE]):
            ScheduleRun.objects.filter(pk__in=old).delete()
        with transaction.atomic():
            for held in Schedule.objects.select_for_update().filter(pk=row.pk):
                held.delete()
                publishing.publish_changed([row.pk])
                deleted += 1
    return deleted
