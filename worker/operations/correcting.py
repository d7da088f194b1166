"""Runs failed jobs again, as they were or with arguments that somebody has corrected.

A failed job is the row of what is owed (:class:`worker.models.Job`) or, of a plain task, the one that people watch.
"""

import json
from dataclasses import replace
from functools import partial
from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext as _
from kombu.exceptions import DecodeError

from hub.logs import redact
from worker import jobs, sending
from worker.application import task_named
from worker.arguments import misfit
from worker.jobs import JobCall
from worker.models import Job, TrackedJob
from worker.named_people import names_of
from worker.operations import repeating
from worker.operations.repeating import BadArguments, NotFailed
from worker.tracking import kept_calls
from worker.tracking.kept_calls import is_deep
from worker.tracking.masking import MASK, hidden, hidden_call, shown, without_secrets

#: What has failed.
Failed = Job | TrackedJob

#: Characters of the arguments of a form.
LIMIT: Final = 100_000


def masked(job: Failed) -> tuple[str, str]:
    """The positional and the keyword arguments as JSON text for people, with :data:`MASK` in the place of secrets.

    Raises ``ValueError`` where the row cannot be read, or is nested too deeply.
    """
    args, kwargs = _read(job)
    if is_deep([args, kwargs]):
        raise ValueError("The arguments are nested too deeply.")
    shown = hidden_call(job.task, args, kwargs)
    return _text(shown[0]), _text(shown[1])


def error_of(job: Failed) -> str:
    """Why the job has failed, without the secrets among its arguments."""
    if isinstance(job, TrackedJob):
        return job.error  # written without them
    try:
        return without_secrets(job.error, *_read(job), job.task)
    except ValueError:  # such a row is why it has failed
        return redact(job.error)


def obstacle(job: Failed) -> str:
    """Why it cannot begin again, whatever its arguments, as a sentence; empty where it can."""
    if isinstance(job, TrackedJob):
        return repeating.obstacle(job)
    if not job.nonce and job.starts == 0:
        return _("This only says what has not happened: there is nothing to run again.")
    return ""


def lacks_secrets(job: Failed) -> bool:
    """Whether a secret among its arguments was not kept, so that it cannot run again as it was."""
    return isinstance(job, TrackedJob) and any(json.dumps(MASK, ensure_ascii=False) in text for text in masked(job))


def run_again(job: Failed) -> str:
    """Have the job begin again with the arguments that it had, when the open transaction is committed.

    Returns the id under which it runs.

    Raises:
        BadArguments: a secret among them was not kept, or the task does not take them any more.
        NotFailed: it is gone, or has begun again.
    """
    if isinstance(job, TrackedJob):
        return repeating.repeat(job, *_checked(job, *_read(job)))
    _send(jobs.retry([job.pk]))
    return job.pk


def run_corrected(job: Failed, args: str, kwargs: str) -> str:
    """Have the job begin again with these arguments, where the mask stands for what was there; as :func:`run_again`.

    Raises:
        BadArguments: they are not JSON, or the task does not take them.
        NotFailed: it is gone, or has begun again.
    """
    corrected = parsed(job, args, kwargs)
    if isinstance(job, TrackedJob):
        return repeating.repeat(job, *corrected)
    calls = jobs.retry([job.pk], change=lambda call: replace(call, args=corrected[0], kwargs=corrected[1]))
    for call in calls:
        TrackedJob.objects.filter(pk=call.id).update(arguments=shown(call.task, call.args, call.kwargs))
    _send(calls)
    return job.pk


def parsed(job: Failed, args: str, kwargs: str) -> tuple[list[Any], dict[str, Any]]:
    """The arguments that these texts mean, as the task gets them. Raises :class:`BadArguments`."""
    return _checked(job, _parse("args", args), _parse("kwargs", kwargs))


_NOTHING: Final = object()


def _checked(job: Failed, given_args: Any, given_kwargs: Any) -> tuple[list[Any], dict[str, Any]]:
    before_args, before_kwargs = _read(job)
    if isinstance(given_args, list) and isinstance(given_kwargs, dict):
        names = names_of(job.task, given_args)
        given_args = [
            _restored("args", names[place], value, _at(before_args, place)) for place, value in enumerate(given_args)
        ]
        given_kwargs = {
            name: _restored("kwargs", name, value, _at(before_kwargs, name)) for name, value in given_kwargs.items()
        }
    given_args, given_kwargs = _decoded("args", given_args), _decoded("kwargs", given_kwargs)
    if wrong := misfit(task_named(job.task), given_args, given_kwargs):
        field, sentence = wrong
        # It may have been a value of the row, which the task refuses and names.
        raise BadArguments(field, without_secrets(sentence, before_args, before_kwargs, job.task))
    return given_args, given_kwargs


def _send(calls: list[JobCall]) -> None:
    if not calls:
        raise NotFailed
    for call in calls:
        transaction.on_commit(partial(sending.send, call))


def _read(job: Failed) -> tuple[list[Any], dict[str, Any]]:
    """The arguments in the row, which anybody may have written. Raises ``ValueError``."""
    try:
        args, kwargs = json.loads(job.call if isinstance(job, TrackedJob) else job.arguments)
    except (TypeError, RecursionError):
        raise ValueError("The row has no arguments.") from None
    if not isinstance(args, list) or not isinstance(kwargs, dict):
        raise ValueError("The row has no arguments.")  # noqa: TRY004  # as where it is no JSON
    return args, kwargs


def _parse(field: str, text: str) -> Any:
    try:
        value = json.loads(text[:LIMIT])
    except (ValueError, RecursionError):
        raise BadArguments(field, _("This is no JSON.")) from None
    if is_deep(value):
        raise BadArguments(field, _("The lists and objects are nested too deeply."))
    return value


def _decoded(field: str, value: Any) -> Any:
    try:
        return kept_calls.decoded(json.dumps(value))
    except DecodeError:
        # Not what the decoder says: a secret of the row may be in it.
        raise BadArguments(field, _("An object with __type__ and __value__ is none that Celery can read.")) from None


def _text(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, indent=2)
    return text.encode(errors="backslashreplace").decode()  # half a character stays the escape that JSON has for it


def _restored(field: str, name: str, value: Any, before: Any) -> Any:
    """``value`` with the secrets that were at the same place before in the place of the mask, and nowhere else."""
    if value == MASK:
        if before is _NOTHING or hidden(name, before) != MASK:
            raise BadArguments(field, _("%(mask)s stands for a secret, and none was there.") % {"mask": MASK})
        if before == MASK:
            raise BadArguments(field, _("%(mask)s stands for a secret that was not kept: type it.") % {"mask": MASK})
        return before
    match value:
        case dict():
            return {key: _restored(field, key, one, _at(before, key)) for key, one in value.items()}
        case list():
            return [_restored(field, "", one, _at(before, place)) for place, one in enumerate(value)]
    return value


def _at(values: Any, place: Any) -> Any:
    if isinstance(values, dict):
        return values.get(place, _NOTHING)
    if isinstance(values, list) and isinstance(place, int) and place < len(values):
        return values[place]
    return _NOTHING
