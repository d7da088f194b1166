"""Runs failed jobs again, as they were or with arguments that somebody has corrected."""

import json
from dataclasses import replace
from functools import partial
from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext as _

from hub.logs import redact
from worker import jobs, sending
from worker.application import task_named
from worker.arguments import misfit
from worker.jobs import JobCall
from worker.models import Job, TrackedJob
from worker.named_people import parameters_of
from worker.tracking.masking import MASK, is_secret, shown, without_secrets

#: Characters of the arguments of a form.
LIMIT: Final = 100_000

#: Levels of lists and objects in arguments that are shown and corrected.
DEPTH: Final = 100


class NotFailed(LookupError):
    """The job is gone, or has begun again."""


class BadArguments(ValueError):
    """The task does not take these arguments. ``field`` is ``args`` or ``kwargs``."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


def masked(job: Job) -> tuple[str, str]:
    """The positional and the keyword arguments as JSON text for people, with :data:`MASK` in the place of secrets.

    Raises ``ValueError`` where the row cannot be read, or is nested too deeply.
    """
    args, kwargs = _read(job)
    if _is_deep([args, kwargs]):
        raise ValueError("The arguments are nested too deeply.")
    names = parameters_of(job.task)
    shown = [_hidden(names[place] if place < len(names) else "", value) for place, value in enumerate(args)]
    return _text(shown), _text({name: _hidden(name, value) for name, value in kwargs.items()})


def error_of(job: Job) -> str:
    """Why the job has failed, without the secrets among its arguments."""
    try:
        return without_secrets(job.error, *_read(job), job.task)
    except ValueError:  # such a row is why it has failed
        return redact(job.error)


def can_run(job: Job) -> bool:
    """Whether it can begin again: not what only says that something has not happened, of a task without a row."""
    return bool(job.nonce) or job.starts > 0


def run_again(job: Job) -> None:
    """Have the job begin again with the arguments that it had, when the open transaction is committed.

    Raises :class:`NotFailed`.
    """
    _send(jobs.retry([job.pk]))


def run_corrected(job: Job, args: str, kwargs: str) -> None:
    """Have the job begin again with these arguments, where the mask stands for what was there; as :func:`run_again`.

    Raises:
        BadArguments: they are not JSON, or the task does not take them.
        NotFailed: it is gone, or has begun again.
    """
    corrected = parsed(job, args, kwargs)
    calls = jobs.retry([job.pk], change=lambda call: replace(call, args=corrected[0], kwargs=corrected[1]))
    for call in calls:
        TrackedJob.objects.filter(pk=call.id).update(arguments=shown(call.task, call.args, call.kwargs))
    _send(calls)


def parsed(job: Job, args: str, kwargs: str) -> tuple[list[Any], dict[str, Any]]:
    """The arguments that these texts mean. Raises :class:`BadArguments`."""
    before_args, before_kwargs = _read(job)
    given_args = _parse("args", args)
    given_kwargs = _parse("kwargs", kwargs)
    if isinstance(given_args, list) and isinstance(given_kwargs, dict):
        names = parameters_of(job.task)
        given_args = [
            _restored("args", names[place] if place < len(names) else "", value, _at(before_args, place))
            for place, value in enumerate(given_args)
        ]
        given_kwargs = {
            name: _restored("kwargs", name, value, _at(before_kwargs, name)) for name, value in given_kwargs.items()
        }
    if wrong := misfit(task_named(job.task), given_args, given_kwargs):
        field, sentence = wrong
        # It may have been a value of the row, which the task refuses and names.
        raise BadArguments(field, without_secrets(sentence, before_args, before_kwargs, job.task))
    return given_args, given_kwargs


_NOTHING: Final = object()


def _send(calls: list[JobCall]) -> None:
    if not calls:
        raise NotFailed
    for call in calls:
        transaction.on_commit(partial(sending.send, call))


def _read(job: Job) -> tuple[list[Any], dict[str, Any]]:
    """The arguments in the row, which anybody may have written. Raises ``ValueError``."""
    try:
        args, kwargs = json.loads(job.arguments)
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
    if _is_deep(value):
        raise BadArguments(field, _("The lists and objects are nested too deeply."))
    return value


def _is_deep(value: Any) -> bool:
    """Whether lists and objects are nested more than :data:`DEPTH` levels; found without recursion."""
    level = [value]
    for _level in range(DEPTH + 1):
        inner = [
            list(one.values()) if isinstance(one, dict) else one for one in level if isinstance(one, (dict, list))
        ]
        if not inner:
            return False
        level = [one for values in inner for one in values]
    return True


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _hidden(name: str, value: Any) -> Any:
    if is_secret(name):
        return MASK
    match value:
        case dict():
            return {key: _hidden(key, one) for key, one in value.items()}
        case list():
            return [_hidden("", one) for one in value]
        case str() if redact(value) != value:  # a secret by its form, such as a password in an address
            return MASK
    return value


def _restored(field: str, name: str, value: Any, before: Any) -> Any:
    """``value`` with the secrets that were at the same place before in the place of the mask, and nowhere else."""
    if value == MASK:
        if before is _NOTHING or _hidden(name, before) != MASK:
            raise BadArguments(field, _("%(mask)s stands for a secret, and none was there.") % {"mask": MASK})
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
