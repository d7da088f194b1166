"""Tells clients what has become of a job."""

from typing import Final

import msgspec
from django.utils import translation

from hub.database import run_safely_on_commit
from hub.database.finding import find_row
from hub.publishing import publish, publish_ephemeral
from notifications import channels
from notifications.kinds.locales import Locale, locale_with
from notifications.models import Level, Preferences
from notifications.preferences.quiet_hours import is_quiet_now
from worker import events
from worker.models import JobState, TrackedJob

#: How much the end of a job wants to be seen.
_LEVELS: Final = {
    JobState.SUCCEEDED: Level.SUCCESS,
    JobState.FAILED: Level.ERROR,
    JobState.LOST: Level.ERROR,
    JobState.CANCELLED: Level.INFO,
}

#: Characters of an error in a toast.
_ERROR_LIMIT: Final = 200


class JobToast(msgspec.Struct, tag="notification"):
    """Shown for a moment on each open page of the person, and stored nowhere: the job itself is what stays."""

    title: str
    message: str
    level: str
    url: str


def publish_state(row: TrackedJob, user_id: str) -> None:
    """Tell the owner of the state of ``row``, as part of the open transaction, and who looks on at that moment.

    ``user_id`` is empty where there is no owner.
    """
    item = events.item_of(row, user_id)
    changed = events.JobChanged(item)
    if item.user:
        publish(events.channel_of(item.user), changed)
    # After the commit nothing of this is an error of the caller.
    run_safely_on_commit(publish_ephemeral, events.ALL, changed)
    # Of a job that another one has called people see the end of that one.
    if item.user and row.ended_at is not None and not row.parent:
        run_safely_on_commit(_publish_toast, row, item.user)


def publish_progress(progressed: events.JobProgressed, user_id: str) -> None:
    """Tell of progress now, whoever is there to see it."""
    for channel in (events.channel_of(user_id), events.ALL) if user_id else (events.ALL,):
        publish_ephemeral(channel, progressed)


def _publish_toast(row: TrackedJob, user_id: str) -> None:
    """Unless the person does not want to be interrupted now."""
    preferences = find_row(Preferences, "user", row.owner_id)
    if preferences is None or not is_quiet_now(preferences):
        publish_ephemeral(channels.of_user_id(user_id), _toast(row, locale_with(preferences, row.owner_id)))


def _toast(row: TrackedJob, locale: Locale) -> JobToast:
    state = JobState(row.state)
    with translation.override(locale.language or translation.get_language()):
        label = str(state.label)
    said = row.error[:_ERROR_LIMIT] if state in {JobState.FAILED, JobState.LOST} else row.result_text
    return JobToast(label, f"{row.title}: {said}" if said else row.title, _LEVELS[state], row.result_url)
