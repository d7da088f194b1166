"""The work of other programs, such as services that are not Python: they report it, and people watch it alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from uuid import uuid4

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from hub.database import run_safely_on_commit
from hub.users import User
from worker import events
from worker.jobs import shortened
from worker.models import JobSource, JobState, TrackedJob
from worker.origins import Origin
from worker.tracking import publishing, stored
from worker.tracking.handle import LINE_LIMIT, LOG_LINES, RESULT_LIMIT, TEXT_LIMIT

#: How the work of another program ends.
End = Literal["succeeded", "failed", "cancelled"]


class TakenId(ValueError):
    """There is a job of this id that is not this work."""


@dataclass(frozen=True, slots=True)
class JobReport:
    """What a program says of its work; None where it says nothing of it."""

    done: float | None = None
    total: float | None = None
    text: str | None = None
    lines: Sequence[str] = ()
    ended: End | None = None
    error: str = ""
    result_text: str = ""
    result_url: str = ""


def begin(
    *,
    title: str,
    owner: User | None,
    job_id: str = "",
    task: str = "",
    parent: TrackedJob | None = None,
    silence: float,
) -> TrackedJob:
    """Store that a program works; the same again under the same ``job_id`` is the same work.

    It counts as lost when nothing is heard of it for ``silence`` seconds.

    Raises:
        TakenId: another job has this id.
    """
    job_id = job_id or uuid4().hex
    with transaction.atomic():
        known = TrackedJob.objects.select_for_update().filter(pk=job_id).first()
        if known is not None:
            if known.source != JobSource.API or known.owner != owner:
                raise TakenId(f"There is another job with the id {job_id!r}.")
            return known
        user = "" if owner is None else str(owner.pk)
        origin = Origin(user, *(("", "") if parent is None else (parent.pk, parent.root or parent.pk)))
        stored.queue(job_id, source=JobSource.API, task=task, title=title, arguments="", origin=origin)
        stored.begin(job_id, timeout=silence)
    return TrackedJob.objects.get(pk=job_id)


def report(row: TrackedJob, said: JobReport, *, silence: float) -> TrackedJob:
    """Store and tell what a program says of its work; returns the row after it. One that is over stays as it is."""
    with transaction.atomic():
        now = TrackedJob.objects.select_for_update().get(pk=row.pk)
        if now.state == JobState.LOST:
            stored.begin(now.pk, timeout=silence)
            now.refresh_from_db()
        if now.ended_at is not None:
            return now
        lines = [events.LogLine(timezone.now().isoformat(timespec="milliseconds"), _line(one)) for one in said.lines]
        if said.done is not None:
            now.done = events.bounded(said.done)
        if said.total is not None:
            now.total = events.bounded(said.total)
        if said.text is not None:
            now.text = shortened(said.text, TEXT_LIMIT)
        now.log = [*now.log, *([line.at, line.text] for line in lines)][-LOG_LINES:]
        columns = {name: getattr(now, name) for name in ("done", "total", "text", "log")}
        if said.ended is not None:
            columns |= {"result_text": shortened(said.result_text, RESULT_LIMIT), "result_url": said.result_url}
            stored.end(now.pk, JobState(said.ended), error=said.error, **columns)
        else:
            TrackedJob.objects.filter(pk=now.pk).update(**columns, lost_at=Now() + timedelta(seconds=silence))
            user_id = events.owner_id_of(now)
            numbers = {name: events.number(columns[name]) for name in ("done", "total")}
            progressed = events.JobProgressed(now.pk, **numbers, text=now.text, lines=lines)
            run_safely_on_commit(publishing.publish_progress, progressed, user_id)
    now.refresh_from_db()
    return now


def _line(text: str) -> str:
    return shortened(text, LINE_LIMIT)
