"""The pages of schedules, for those who have permissions for them; being of the staff is not enough."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import wraps
from typing import Any

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hub.users import User, may, user_id
from notifications import sources
from worker.models import JobState
from worker.operations.permissions import may_see as may_see_operations
from worker.schedules import changing, listing, makers, periodic_runs, running, wording
from worker.schedules.changing import WantedSchedule
from worker.schedules.forms import ScheduleForm, initial
from worker.schedules.models import PeriodicRun, RunStatus, Schedule, ScheduleRun
from worker.schedules.periodic import ListedTask, periodic_task, periodic_tasks
from worker.schedules.permissions import may_change, may_see, may_send
from worker.schedules.rules import BadRule

#: Who may see the periodic tasks beside them.
SEE_TASKS = "django_celery_beat.view_periodictask"

#: Schedules of a page of the list, runs of a page of the history, schedules of the calendar.
PAGE, RUNS, CALENDAR = 50, 50, 500


_View = Callable[..., HttpResponse]


def for_those(who: Callable[[User], bool]) -> Callable[[_View], _View]:
    """A view for those people; guests are sent to the log-in page, others are refused."""

    def guard(view: _View) -> _View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not isinstance(request.user, User):
                return redirect_to_login(request.get_full_path())
            if not who(request.user):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return guarded

    return guard


def _page(request: HttpRequest, name: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    me = _reader(request)
    rights = {"may_change": may_change(me), "may_send": may_send(me)}
    return render(request, f"hub/schedules/{name}.html", context | rights, status=status)


@never_cache
@require_safe
@for_those(may_see)
def schedule_list(request: HttpRequest) -> HttpResponse:
    """All schedules, and for those who may see them the periodic tasks beside them."""
    page = Paginator(Schedule.objects.order_by("is_paused", "next_at", "pk"), PAGE).get_page(request.GET.get("page"))
    shown = {"page": page, "schedules": listing.listed(page.object_list), "tasks": _tasks_for(request)}
    return _page(request, "list", shown)


def _tasks_for(request: HttpRequest) -> list[ListedTask]:
    return periodic_tasks() if may(_reader(request), SEE_TASKS) else []


@never_cache
@require_safe
@for_those(may_see)
def calendar(request: HttpRequest) -> HttpResponse:
    """The coming weeks: the schedules that are due first, and for those who may see them the periodic tasks.

    Of thousands of schedules, hundreds of due times each take longer than a page may: it says how many it leaves out.
    """
    here = listing.zone_of(_reader(request))
    due = Schedule.objects.filter(is_paused=False, next_at__isnull=False).order_by("next_at", "pk")
    rows = list(due[:CALENDAR])
    left_out = due.count() - len(rows) if len(rows) == CALENDAR else 0
    today = timezone.now().astimezone(here).date()
    days, often = listing.calendar(rows, here, _tasks_for(request))
    shown = {"days": days, "often": often, "today": today, "zone": here.key, "left_out": left_out, "most": CALENDAR}
    return _page(request, "calendar", shown)


@never_cache
@require_safe
@for_those(may_see)
def one(request: HttpRequest, pk: int) -> HttpResponse:
    """A schedule, when it is due next, and what became of its due times."""
    row = get_object_or_404(Schedule, pk=pk)
    context = {
        "row": row,
        "sentence": wording.capital(wording.sentence_of(row)),
        "recipients": wording.recipients(row.contents["to"]),
        "made_by": makers.named(row),
        "last_by_hand": _last_by_hand(row),
        **_history(request, row.runs.all()),
        **_next(request, row),
    }
    return _page(request, "one", context)


def _history(request: HttpRequest, runs: QuerySet[Any]) -> dict[str, Any]:
    """A page of what became of due times, the newest first, the chart of the last ones, and how many there are."""
    runs = runs.order_by("-due_at", "-pk")
    return {
        "page": Paginator(runs, RUNS).get_page(request.GET.get("page")),
        "bars": listing.chart(list(runs[: listing.CHART_RUNS])),
        "counts": {status: runs.filter(status=status).count() for status in RunStatus.values},
    }


@never_cache
@require_safe
@for_those(may_see)
def task(request: HttpRequest, pk: int) -> HttpResponse:
    """A periodic task, when it is due next, and what became of its due times."""
    me = _reader(request)
    if not may(me, SEE_TASKS):
        raise PermissionDenied
    found = periodic_task(pk)
    if found is None:
        raise Http404
    history = _history(request, PeriodicRun.objects.filter(periodic_task=pk))
    states = periodic_runs.states(list(history["page"].object_list))
    for run in history["page"].object_list:
        run.state = JobState(states[run.pk]) if states.get(run.pk) else None
    here = listing.zone_of(me)
    due = {"due": listing.next_times_of_task(found, here), "there": str(found.zone or here), "here": here.key}
    return _page(request, "task", {"task": found, "may_see_operations": may_see_operations(me), **history, **due})


def _last_by_hand(row: Schedule) -> str:
    """Names the state in which a page shows what was sent by hand."""
    return str(row.runs.filter(is_by_hand=True).order_by("-pk").values_list("pk", flat=True).first() or "")


def _next(request: HttpRequest, row: Schedule) -> dict[str, Any]:
    here = listing.zone_of(_reader(request))
    try:
        timing = row.timing()
    except BadRule:
        return {}
    left = None if row.max_runs is None else max(0, row.max_runs - row.sent_runs)
    due = [] if row.is_paused else listing.next_times(timing, timezone.now(), here, most=left)
    return {"due": due, "there": timing.zone, "here": here.key}


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@for_those(may_send)
def new(request: HttpRequest) -> HttpResponse:
    """Make a schedule, or a copy of ``?of=``."""
    copied = request.GET.get("of", "")
    row = Schedule.objects.filter(pk=int(copied)).first() if copied.isdecimal() and len(copied) < 19 else None
    return _edit(request, row, lambda wanted: changing.create(_made(request, wanted))[0])


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@for_those(may_send)
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a schedule."""
    row = get_object_or_404(Schedule, pk=pk)
    return _edit(request, row, lambda wanted: changing.change(row, _made(request, wanted)), is_new=False)


def _made(request: HttpRequest, wanted: WantedSchedule) -> WantedSchedule:
    return replace(wanted, made_by=sources.written(sources.PERSON, user_id(_reader(request))))


def _edit(
    request: HttpRequest, row: Schedule | None, store: Callable[..., Schedule], *, is_new: bool = True
) -> HttpResponse:
    before = row.contents if row is not None else {}
    if request.method == "POST":
        form = ScheduleForm(request.POST, before=before)
        if form.is_valid() and "preview" not in request.POST:
            stored = store(form.cleaned_data["wanted"])
            messages.success(request, _("The schedule is stored."))
            return redirect("hub:schedules:one", stored.pk)
        status = 200 if form.is_valid() else 400
        return _form(request, form, row, is_new=is_new, status=status)
    try:
        shown = initial(changing.wanted_of(row) if row is not None else None)
    except (ValueError, OverflowError):  # what somebody wrote into the row past all checks
        shown = initial(None)
    return _form(request, ScheduleForm(initial=shown, before=before), row, is_new=is_new)


def _form(
    request: HttpRequest, form: ScheduleForm, row: Schedule | None, *, is_new: bool, status: int = 200
) -> HttpResponse:
    context = {"form": form, "row": row, "is_new": is_new, **_previewed(request, form)}
    return _page(request, "edit", context, status=status)


def _previewed(request: HttpRequest, form: ScheduleForm) -> dict[str, Any]:
    """The sentence and the next due times of what the form says; nothing where it says none."""
    if not form.is_bound:
        return {}
    form.is_valid()
    timing = form.timing()
    if timing is None:
        return {"is_unclear": True}
    runs = form.cleaned_data.get("runs")
    here = listing.zone_of(_reader(request))
    now = timezone.now()
    timing = changing.from_now(timing)
    return {
        "sentence": wording.capital(wording.sentence(timing, max_runs=runs)),
        "due": listing.next_times(timing, now - timedelta(seconds=1), here, most=runs),
        "there": timing.zone,
        "here": here.key,
    }


@never_cache
@require_POST
@for_those(may_send)
def preview(request: HttpRequest) -> HttpResponse:
    """The part of the form's page that says when it is due, for the form as it is now."""
    return _page(request, "_preview", _previewed(request, ScheduleForm(request.POST)))


#: What has a schedule send, at once or later.
_SENDING = frozenset({"run", "resume"})

_CHANGES: dict[str, Callable[[Schedule], object]] = {
    "pause": changing.pause,
    "resume": changing.resume,
    "delete": lambda row: changing.delete([row]),
}


@require_POST
@for_those(may_change)
def change(request: HttpRequest, pk: int, change: str) -> HttpResponse:
    """Pause, resume, run or delete a schedule."""
    if change in _SENDING and not may_send(_reader(request)):
        raise PermissionDenied
    row = get_object_or_404(Schedule, pk=pk)
    if change == "run":
        run = _run_once(request, row)
        if run is None:
            messages.warning(request, _("It was sent before. Nothing was sent again."))
        elif run.error:
            messages.error(request, _("It could not be sent: %(reason)s") % {"reason": run.error})
        else:
            messages.success(request, _("It is sent."))
    elif change in _CHANGES:
        _CHANGES[change](row)
    else:
        raise Http404
    return redirect("hub:schedules:list") if change == "delete" else redirect("hub:schedules:one", pk)


def _run_once(request: HttpRequest, row: Schedule) -> ScheduleRun | None:
    """Send it now; None where that has happened since the page with the button was made, such as by a second click."""
    with transaction.atomic(), sources.acting(sources.PERSON, user_id(_reader(request))):
        held = get_object_or_404(Schedule.objects.select_for_update(), pk=row.pk)
        return running.run_now(held) if request.POST.get("after") == _last_by_hand(held) else None


def _reader(request: HttpRequest) -> User:
    if not isinstance(request.user, User):  # for_those has looked
        raise PermissionDenied
    return request.user
