"""The operations page: what queues and workers do, and the pages on which an action is confirmed."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from hub.users import User, may
from worker.models import TrackedJob
from worker.operations import correcting, failing, pausing, recording, snapshot
from worker.operations.correcting import Failed
from worker.operations.forms import ArgumentsForm
from worker.operations.models import Operation
from worker.operations.permissions import may_correct, may_operate, may_see
from worker.operations.repeating import BadArguments, NotFailed
from worker.schedules.permissions import may_see as may_see_schedules
from worker.schedules.views import SEE_TASKS, for_those

#: Failed jobs of a page of their list.
FAILED = 50

#: Characters of a queue's name, of a run of a worker, and of the id of a job.
_NAME_LIMIT = 255


@never_cache
@require_safe
@for_those(may_see)
def overview(request: HttpRequest) -> HttpResponse:
    """Queues, workers, beat, what is due next, failed jobs, and what takes long."""
    me, now = _reader(request), snapshot.after_what_was_done()
    context = {
        "now": now,
        "due_next": now.due_next(with_tasks=may(me, SEE_TASKS)),
        "may_see_schedules": may_see_schedules(me),
        "slow_after": int(snapshot.SLOW),
    }
    return _page(request, "overview", context)


@never_cache
@require_safe
@for_those(may_see)
def failed(request: HttpRequest) -> HttpResponse:
    """All failed jobs, the newest first."""
    page: Page[failing.Key] = Paginator(failing.keys(), FAILED).get_page(request.GET.get("page"))
    found = snapshot.failed_jobs(failing.in_order(list(page)))
    return _page(request, "failed", {"page": page, "failed": found})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@for_those(may_operate)
def queue(request: HttpRequest, change: str) -> HttpResponse:
    """Pause or resume the queue that ``name`` says; asks first."""
    name = _named(request, "name")
    known = {one.name: one for one in snapshot.after_what_was_done().queues}
    if name not in known:
        raise Http404
    changes: dict[str, tuple[Operation, Callable[[str], bool]]] = {
        "pause": (Operation.PAUSE, pausing.pause),
        "resume": (Operation.RESUME, pausing.resume),
    }
    operation, make = _found(changes, change)
    if request.method == "POST":
        return _done(request, operation, make, name, name)
    return _page(request, "queue", {"queue": known[name], "change": change})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@for_those(may_operate)
def worker(request: HttpRequest, change: str) -> HttpResponse:
    """Drain the worker whose run ``name`` says, or have it take work again; asks first."""
    state = snapshot.worker_of(_named(request, "name"))
    if state is None:
        raise Http404
    changes: dict[str, tuple[Operation, Callable[[str], bool]]] = {
        "drain": (Operation.DRAIN, pausing.drain),
        "undrain": (Operation.UNDRAIN, pausing.undrain),
    }
    operation, make = _found(changes, change)
    if request.method == "POST":
        return _done(request, operation, make, state.report.run, state.report.name)
    others = [one for one in snapshot.current().workers or () if one is not state and not one.is_drained]
    read = {name for one in others for name in one.report.reads}
    alone = [name for name in state.report.reads if name not in read]
    return _page(request, "worker", {"worker": state, "change": change, "alone": alone})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@for_those(may_see)
def job(request: HttpRequest) -> HttpResponse:
    """A failed job: why it has failed, and its arguments, with which it can be run again, or with others."""
    row = failing.named(_named(request, "id"))
    if row is None:
        raise Http404
    context: dict[str, Any] = {"job": row, "error": correcting.error_of(row), "obstacle": correcting.obstacle(row)}
    try:
        args, kwargs = correcting.masked(row)
    except ValueError:
        context["obstacle"] = context["obstacle"] or _("Its row cannot be read, so it cannot be run again.")
        return _page(request, "job", context)
    context |= {"lacks_secrets": correcting.lacks_secrets(row), "is_plain": isinstance(row, TrackedJob)}
    initial = {"args": args, "kwargs": kwargs}
    form = ArgumentsForm(initial=initial, job=row)
    if request.method == "POST":
        if not may_operate(_reader(request)) or context["obstacle"]:
            raise PermissionDenied
        if "correct" not in request.POST:
            return _again(request, row, Operation.RUN_AGAIN, lambda: correcting.run_again(row))
        if not may_correct(_reader(request)):
            raise PermissionDenied
        form = ArgumentsForm(request.POST, initial=initial, job=row)
        if form.is_valid():
            said = form.cleaned_data
            return _again(
                request, row, Operation.CORRECT, lambda: correcting.run_corrected(row, said["args"], said["kwargs"])
            )
    return _page(request, "job", context | {"form": form}, status=400 if form.errors else 200)


def _again(request: HttpRequest, row: Failed, operation: Operation, run: Callable[[], str]) -> HttpResponse:
    try:
        with transaction.atomic():
            job_id = run()
            recording.record(_reader(request), operation, row.pk)
    except BadArguments as error:  # of a run as it was: a form says it beside its field
        messages.error(request, str(error))
        return redirect(f"{reverse('hub:operations:job')}?{urlencode({'id': row.pk})}")
    except NotFailed:
        messages.warning(request, _("The job was run again before, or is gone. Nothing was done."))
    else:
        if failing.named(job_id) is None:
            messages.success(request, _("The job runs again."))
        else:
            messages.error(request, _("The broker has not taken it. It is among the failed jobs again."))
    snapshot.forget()
    return redirect("hub:operations:overview")


def _done(
    request: HttpRequest, operation: Operation, change: Callable[[str], bool], key: str, target: str
) -> HttpResponse:
    with transaction.atomic():
        is_news = change(key)
        if is_news:
            recording.record(_reader(request), operation, target)
    snapshot.forget()
    if is_news:
        messages.success(request, f"{operation.label}: {target}")
    else:
        messages.warning(request, _("That was so before. Nothing was done."))
    return redirect("hub:operations:overview")


def _found(changes: dict[str, Any], change: str) -> Any:
    if change not in changes:
        raise Http404
    return changes[change]


def _named(request: HttpRequest, what: str) -> str:
    name = (request.POST if request.method == "POST" else request.GET).get(what, "")
    if not 0 < len(name) <= _NAME_LIMIT or "\0" in name:
        raise Http404
    return name


def _page(request: HttpRequest, name: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    me = _reader(request)
    rights = {"may_operate": may_operate(me), "may_correct": may_correct(me)}
    return render(request, f"hub/operations/{name}.html", context | rights, status=status)


def _reader(request: HttpRequest) -> User:
    if not isinstance(request.user, User):  # for_those has looked
        raise PermissionDenied
    return request.user
