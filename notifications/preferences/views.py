"""The page on which people choose what they get: a form, for browsers with and without scripts."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.db import transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from hub.users import User
from hub.web import for_members
from notifications.kinds.locales import chosen_elsewhere
from notifications.preferences import methods, muting
from notifications.preferences import stored as preferences
from notifications.preferences.quiet_hours import DAYS, Hours
from notifications.preferences.stored import PLAN_LIMIT, ChosenCategory, ChosenPreferences, MethodState, Wish


class _TimeInput(forms.TimeInput):
    input_type = "time"

    def __init__(self) -> None:
        super().__init__(format="%H:%M")


class LocaleForm(forms.Form):
    """The language and the time zone, as far as people choose them here."""

    language = forms.ChoiceField(label=gettext_lazy("Language of notifications"), required=False)
    time_zone = forms.ChoiceField(label=gettext_lazy("Time zone"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        default = dict(settings.LANGUAGES).get(settings.LANGUAGE_CODE, settings.LANGUAGE_CODE)
        self._offer("language", default, preferences.languages())
        self._offer("time_zone", settings.TIME_ZONE, [(name, name) for name in preferences.time_zones()])
        for name, is_elsewhere in chosen_elsewhere().items():
            if is_elsewhere:
                del self.fields[name]

    def _offer(self, name: str, default: object, offered: Iterable[tuple[str, str]]) -> None:
        field: Any = self.fields[name]
        nothing = _("Not chosen") if name == "language" else _("Not chosen (%(default)s)") % {"default": default}
        field.choices = [("", nothing), *offered]


class HoursForm(forms.Form):
    """Hours of the week; both times empty where there are none."""

    begin = forms.TimeField(label=gettext_lazy("From"), required=False, widget=_TimeInput)
    end = forms.TimeField(label=gettext_lazy("To"), required=False, widget=_TimeInput)
    days = forms.MultipleChoiceField(
        label=gettext_lazy("Beginning on"),
        required=False,
        choices=[(str(day), WEEKDAYS[day - 1]) for day in DAYS],
        initial=[str(day) for day in DAYS],
        widget=forms.CheckboxSelectMultiple,
    )

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        begin, end = said.get("begin"), said.get("end")
        if not self.errors and (begin is None) is not (end is None):
            self.add_error("end" if end is None else "begin", _("These hours have a beginning and an end."))
        elif begin is not None and end is not None and not said.get("days"):
            self.add_error("days", _("Choose the days on which these hours begin."))
        return said

    def hours(self) -> Hours | None:
        """What was chosen, of a form that is valid."""
        said = getattr(self, "cleaned_data", {})
        if said.get("begin") is None:
            return None
        return Hours(said["begin"], said["end"], tuple(map(int, said["days"])))


#: Empty entries of the weekly plan, below those that are chosen.
_SPARE = 2

_PLAN = "plan"

#: How the fields of the form name what is of no kind.
_PLAIN = ""

PlanForms = forms.formset_factory(HoursForm, extra=_SPARE, max_num=PLAN_LIMIT, absolute_max=PLAN_LIMIT)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@for_members
def choose(request: HttpRequest) -> HttpResponse:
    """Show what the visitor has chosen, and store what they choose."""
    if not isinstance(request.user, User):
        return redirect_to_login(request.get_full_path())
    if request.method == "POST":
        return _store(request, request.user)
    chosen = preferences.preferences_of(request.user)
    return _page(request, chosen, *_forms(chosen))


def _forms(chosen: ChosenPreferences, posted: QueryDict | None = None) -> tuple[LocaleForm, HoursForm, Any]:
    """The forms with what is chosen or, where they are in ``posted``, with that."""
    locale = {"language": chosen.language, "time_zone": chosen.time_zone}
    plan = [_initial(hours) for hours in chosen.plan or ()]
    return (
        LocaleForm(posted if posted is not None and locale.keys() & posted.keys() else None, initial=locale),
        HoursForm(posted if posted is not None and "begin" in posted else None, initial=_initial(chosen.quiet)),
        PlanForms(
            posted if posted is not None and f"{_PLAN}-TOTAL_FORMS" in posted else None, initial=plan, prefix=_PLAN
        ),
    )


def _initial(hours: Hours | None) -> dict[str, Any]:
    if hours is None:
        return {}
    return {"begin": hours.begin, "end": hours.end, "days": [str(day) for day in hours.days]}


def _store(request: HttpRequest, user: User) -> HttpResponse:
    """Store what differs. Fields that the form does not have stay as they are: it may be of an older page."""
    with transaction.atomic():
        preferences.hold(user)  # what differs is what differs from what stands there now
        return _store_held(request, user)


def _store_held(request: HttpRequest, user: User) -> HttpResponse:
    before = preferences.preferences_of(user)
    if "all" in request.POST:
        return _change(request, user, wishes=[_wish_for_all(request.POST["all"])])
    if "default" in request.POST:
        return _change(request, user, wishes=_wishes_for_defaults(before, request.POST["default"]))
    locale, quiet, plan = _forms(before, request.POST)
    if not all(form.is_valid() for form in (locale, quiet, plan) if form.is_bound):
        return _page(request, before, locale, quiet, plan, status=400)
    changed: dict[str, Any] = {}
    if locale.is_bound:
        changed |= {name: value for name, value in locale.cleaned_data.items() if name in request.POST}
    if quiet.is_bound:
        changed["quiet"] = quiet.hours()
    if plan.is_bound:
        changed["plan"] = [hours for form in plan if (hours := form.hours())] or None
    shown = set(request.POST.getlist("shown"))
    kinds = {kind.kind.name: kind.states for category in before.categories for kind in category.kinds}
    wishes = [
        wish
        for name, states in ({_PLAIN: before.plain.states} | kinds).items()
        if name in shown
        for wish in _wishes(name, states, request.POST)
    ]
    wishes += muting.wishes(before, request.POST)
    return _change(request, user, wishes=wishes, **changed)


def _change(request: HttpRequest, user: User, **changed: Any) -> HttpResponse:
    try:
        preferences.change(user, **changed)
    except preferences.NotChosen as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _("Your choice is stored."))
    return redirect("hub:notifications:preferences")


def _wishes(name: str, states: Sequence[MethodState], posted: QueryDict) -> Iterator[Wish]:
    """What differs from what holds. Boxes that cannot be ticked, since the kind is off as a whole, say nothing."""
    is_off = not any(state.is_on or state.off_until for state in states)
    for state in states:
        is_open = not state.is_fixed and (not is_off or state.method == methods.INBOX.name)
        is_on = f"{state.method}:{name}" in posted
        if is_open and is_on is not state.is_on:
            yield Wish(state.method, is_on, kind=name, plain=name == _PLAIN)


def _wish_for_all(posted: str) -> Wish:
    """What a button for a category says: ``on:METHOD:CATEGORY`` or ``off:METHOD:CATEGORY``."""
    state, _colon, rest = posted.partition(":")
    method, _colon, category = rest.partition(":")
    return Wish(method, state == "on", category=category)


def _wishes_for_defaults(before: ChosenPreferences, posted: str) -> list[Wish]:
    """What a button that leads back to the defaults says: ``category:CATEGORY``, or ``kind:KIND``, which is empty for
    what is of no kind.
    """
    about, _colon, name = posted.partition(":")
    if about == "category":
        return [Wish(method.name, None, category=name, default=True) for method in methods.methods()]
    kinds = {kind.kind.name: kind.states for one in before.categories for kind in one.kinds}
    states = ({_PLAIN: before.plain.states} | kinds).get(name, [])
    return [
        Wish(state.method, None, kind=name, plain=name == _PLAIN, default=True)
        for state in states
        if not state.is_fixed
    ]


def _page(
    request: HttpRequest, chosen: ChosenPreferences, form: LocaleForm, quiet: HoursForm, plan: Any, status: int = 200
) -> HttpResponse:
    others = ChosenCategory(None, [])
    categories = [*chosen.categories]
    if not categories or categories[-1].category is not None:
        categories.append(others)
    context = {
        "chosen": chosen,
        "categories": categories,
        "mutes": muting.offered(chosen),
        "form": form,
        "quiet": quiet,
        "plan": plan,
        "methods": {method.name: method.label for method in methods.methods()},
        "inbox": methods.INBOX.name,
    }
    return render(request, "hub/notifications/preferences.html", context, status=status)
