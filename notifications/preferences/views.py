"""The page on which people choose what they get: a form, for browsers with and without scripts."""

from collections.abc import Iterable, Iterator
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
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
from notifications.preferences import methods
from notifications.preferences import stored as preferences
from notifications.preferences.quiet_hours import DAYS, QuietHours
from notifications.preferences.stored import Chosen, ChosenKind, Wish


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


class QuietForm(forms.Form):
    """Hours in which nothing pops up; both times empty where there are none."""

    begin = forms.TimeField(label=gettext_lazy("From"), required=False, widget=_TimeInput)
    end = forms.TimeField(label=gettext_lazy("To"), required=False, widget=_TimeInput)
    days = forms.MultipleChoiceField(
        label=gettext_lazy("Beginning on"),
        required=False,
        choices=[(str(day), WEEKDAYS[day - 1]) for day in DAYS],
        widget=forms.CheckboxSelectMultiple,
    )

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        begin, end = said.get("begin"), said.get("end")
        if not self.errors and (begin is None) is not (end is None):
            self.add_error("end" if end is None else "begin", _("Quiet hours have a beginning and an end."))
        elif begin is not None and end is not None and not said.get("days"):
            self.add_error("days", _("Choose the days on which quiet hours begin."))
        return said

    def quiet_hours(self) -> QuietHours | None:
        """What was chosen, of a form that is valid."""
        said = self.cleaned_data
        return None if said["begin"] is None else QuietHours(said["begin"], said["end"], tuple(map(int, said["days"])))


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
    locale = LocaleForm(initial={"language": chosen.language, "time_zone": chosen.time_zone})
    hours: dict[str, Any] = {"days": [str(day) for day in DAYS]}
    if chosen.quiet is not None:
        begin, end, days = chosen.quiet
        hours = {"begin": begin, "end": end, "days": [str(day) for day in days]}
    return _page(request, chosen, locale, QuietForm(initial=hours))


def _store(request: HttpRequest, user: User) -> HttpResponse:
    before = preferences.preferences_of(user)
    if "all" in request.POST:
        return _change(request, user, wishes=[_wish_for_all(request.POST["all"])])
    locale, quiet = LocaleForm(request.POST), QuietForm(request.POST)
    if not (locale.is_valid() and quiet.is_valid()):
        return _page(request, before, locale, quiet, status=400)
    kinds = [kind for category in before.categories for kind in category.kinds]
    wishes = [wish for kind in kinds for wish in _wishes(kind, request.POST)]
    return _change(request, user, wishes=wishes, quiet=quiet.quiet_hours(), **locale.cleaned_data)


def _change(request: HttpRequest, user: User, **changed: Any) -> HttpResponse:
    try:
        preferences.change(user, **changed)
    except preferences.NotChosen as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _("Your choice is stored."))
    return redirect("hub:notifications:preferences")


def _wishes(chosen: ChosenKind, posted: QueryDict) -> Iterator[Wish]:
    """What differs from what holds. Boxes that cannot be ticked, since the kind is off as a whole, say nothing."""
    is_off = not any(state.is_on for state in chosen.states)
    for state in chosen.states:
        is_open = not state.is_fixed and (not is_off or state.method == methods.INBOX.name)
        is_on = f"{state.method}:{chosen.kind.name}" in posted
        if is_open and is_on is not state.is_on:
            yield Wish(state.method, is_on, kind=chosen.kind.name)


def _wish_for_all(posted: str) -> Wish:
    """What a button for a category says: ``on:METHOD:CATEGORY`` or ``off:METHOD:CATEGORY``."""
    state, _colon, rest = posted.partition(":")
    method, _colon, category = rest.partition(":")
    return Wish(method, state == "on", category=category)


def _page(request: HttpRequest, chosen: Chosen, form: LocaleForm, quiet: QuietForm, status: int = 200) -> HttpResponse:
    context = {
        "chosen": chosen,
        "form": form,
        "quiet": quiet,
        "methods": list(methods.methods()),
        "inbox": methods.INBOX.name,
    }
    return render(request, "hub/notifications/preferences.html", context, status=status)
