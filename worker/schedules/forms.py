"""The form of a schedule, for pages with and without scripts."""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.utils.dates import WEEKDAYS
from django.utils.timezone import make_aware
from django.utils.translation import gettext_lazy as _

from hub.validation import MESSAGE_LIMIT
from hub.web import UncutForm
from notifications.models import TITLE_LIMIT, Level
from notifications.oversight import fields
from notifications.sending.alerting import BadAlert
from worker.schedules import contents, rules
from worker.schedules.changing import BadSchedule, WantedSchedule, checked
from worker.schedules.models import NAME_LIMIT, Missed
from worker.schedules.rules import BadRule, Cron, Every, Monthly, Once, Rule, Timing, Weekly

#: How a form calls the rules, in the order in which they are offered.
REPEATS = [
    ("weekly", _("on days of the week")),
    ("monthly", _("on days of the month")),
    ("every", _("again and again")),
    ("once", _("once")),
    ("cron", _("by an expression of cron")),
]

_UNITS = [("minutes", _("minutes")), ("hours", _("hours")), ("days", _("days")), ("seconds", _("seconds"))]

#: Of what an alert says, what the form shows.
_SHOWN = ("kind", "params", "title", "message", "level", "url", "actions", "expires")

_PARTS = re.compile(r"[\s,;]+")


class _MomentInput(forms.DateTimeInput):
    input_type = "datetime-local"

    def __init__(self) -> None:
        # With seconds: a pause counts from its start, and an edit of something else leaves that where it is.
        super().__init__(attrs={"step": "1"}, format="%Y-%m-%dT%H:%M:%S")


class _MomentField(forms.DateTimeField):
    """A time by the clocks of the schedule's zone: without a zone until that is known."""

    def __init__(self, **others: Any) -> None:
        super().__init__(required=False, widget=_MomentInput, **others)

    def to_python(self, value: Any) -> Any:
        read = super().to_python(value)
        return read.replace(tzinfo=None) if read is not None else None


class ScheduleForm(UncutForm, forms.Form):
    """What a schedule sends, to whom, and when."""

    name = forms.CharField(label=_("Name"), max_length=NAME_LIMIT, required=False)
    audience = forms.ChoiceField(label=_("Audience"), required=False)
    to = forms.CharField(
        label=_("Recipients"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text=_(
            "One in a line: everyone, members, the id of a person, user:NAME, group:NAME, topic:NAME, audience:NAME, "
            "permission:APP.CODENAME."
        ),
    )
    kind = forms.ChoiceField(label=_("Kind"), required=False)
    params = fields.JsonField(
        label=_("Values"),
        help_text=_("JSON: the values for the placeholders of the kind."),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
    )
    title = forms.CharField(label=_("Title"), max_length=TITLE_LIMIT, required=False)
    message = forms.CharField(
        label=_("Message"),
        help_text=_("Empty where the kind has one."),
        max_length=MESSAGE_LIMIT,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    level = forms.ChoiceField(label=_("Level"), choices=[("", _("as usual")), *Level.choices], required=False)
    url = forms.CharField(label=_("Link"), required=False)
    buttons = fields.lines(
        _("Buttons"), _("One in a line: what it says = https://…, a path, or the name of an action."), rows=2
    )
    expires = forms.IntegerField(
        label=_("Expires after so many minutes"),
        required=False,
        min_value=1,
        help_text=_("From then on nobody is shown it. Empty: as the kind says, or never."),
    )

    repeat = forms.ChoiceField(label=_("It is due"), choices=REPEATS)
    weekdays = forms.MultipleChoiceField(
        label=_("Days of the week"),
        required=False,
        choices=[(str(day + 1), WEEKDAYS[day]) for day in range(7)],
        widget=forms.CheckboxSelectMultiple,
    )
    days = forms.CharField(
        label=_("Days of the month"), required=False, help_text=_("With commas, such as 1, 15, 31.")
    )
    or_last_day = forms.BooleanField(label=_("In a month that is too short on its last day"), required=False)
    times = forms.CharField(label=_("Times"), required=False, help_text=_("With commas, such as 09:00, 17:30."))
    number = forms.IntegerField(label=_("Every"), required=False, min_value=1)
    unit = forms.ChoiceField(label=_("Unit"), choices=_UNITS, required=False)
    at = _MomentField(label=_("At"))
    expression = forms.CharField(
        label=_("Expression"), required=False, help_text=_("Minute, hour, day, month, day of the week: 0 9 * * 1-5.")
    )
    zone = forms.ChoiceField(label=_("Time zone"), required=False)

    start = _MomentField(label=_("Not before"))
    end = _MomentField(label=_("Not after"))
    runs = forms.IntegerField(label=_("Number of runs"), required=False, min_value=1)
    missed = forms.ChoiceField(label=_("What was missed"), choices=Missed.choices)
    grace = forms.IntegerField(
        label=_("Grace time in minutes"),
        required=False,
        min_value=1,
        help_text=_("How late it may still be sent. Empty: until the next time, an hour at most."),
    )

    #: What is kept of a schedule that the form does not show.
    before: Mapping[str, Any]

    def __init__(self, *args: Any, before: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.before = before or {}
        for name, choices in (("audience", fields.audiences()), ("kind", fields.kinds())):
            self.fields[name].choices = choices  # type: ignore[attr-defined]  # of a select
        zones: Any = self.fields["zone"]
        zones.choices = [("", _("of each person")), *((zone, zone) for zone in sorted(rules.zones()))]
        for name, field in self.fields.items():
            if field.help_text:
                field.widget.attrs["aria-describedby"] = f"id_{name}_helptext"

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        if not self.errors:
            try:
                said["wanted"] = checked(self._wanted(said))
            except (BadRule, BadSchedule, BadAlert, OverflowError, ValueError) as error:
                raise forms.ValidationError(str(error)) from None
        return said

    def timing(self) -> Timing | None:
        """When it is due, as far as that can be read of a form whose other fields may be wrong."""
        said = getattr(self, "cleaned_data", {})
        try:
            return rules.checked(self._timing(said))
        except (KeyError, BadRule, OverflowError, ValueError):
            return None

    def _timing(self, said: Mapping[str, Any]) -> Timing:
        zone = said["zone"]
        start, end = (
            make_aware(one, ZoneInfo(zone or rules.FIRST_ZONE)) if (one := said.get(name)) is not None else None
            for name in ("start", "end")
        )
        return Timing(_rule(said), zone, start, end)

    def _wanted(self, said: Mapping[str, Any]) -> WantedSchedule:
        # Names have spaces and commas.
        to = [*filter(None, [said["audience"]]), *filter(None, map(str.strip, said["to"].splitlines()))]
        grace = said["grace"]
        return WantedSchedule(
            contents=contents.as_json(to, self._said(said)),
            timing=self._timing(said),
            name=said["name"],
            max_runs=said["runs"],
            missed=said["missed"],
            grace=None if grace is None else timedelta(minutes=grace),
        )

    def _said(self, said: Mapping[str, Any]) -> dict[str, Any]:
        """What the alert says; what is not shown stays, and so do buttons and times that nobody has touched."""
        hidden = {name: value for name, value in self.before.items() if name not in {"to", *_SHOWN}}
        shown = {name: said[name] for name in ("kind", "params", "title", "message", "level", "url")}
        before = _initial_contents(self.before)
        if said["expires"] == before["expires"]:
            shown["expires"] = self.before.get("expires")
        elif said["expires"]:
            shown["expires"] = timedelta(minutes=said["expires"])
        if said["buttons"].splitlines() == before["buttons"].splitlines():
            shown["actions"] = self.before.get("actions")
        else:
            shown["actions"] = list(fields.buttons(said["buttons"]))
        return hidden | shown


def _rule(said: Mapping[str, Any]) -> Rule:
    times = tuple(one for one in _PARTS.split(said.get("times") or "") if one)
    match said["repeat"]:
        case "weekly":
            return Weekly(tuple(int(day) for day in said["weekdays"]), times)
        case "monthly":
            days = [one for one in _PARTS.split(said.get("days") or "") if one]
            return Monthly(tuple(int(one) if one.isdecimal() else 0 for one in days), times, bool(said["or_last_day"]))
        case "every":
            return Every(said.get("number") or 0, said["unit"])
        case "once":
            return Once(said["at"].isoformat() if said.get("at") is not None else "")
    return Cron(said.get("expression") or "")


def initial(wanted: WantedSchedule | None) -> dict[str, Any]:
    """What the form shows of a schedule, or of a new one."""
    if wanted is None:
        return {
            "repeat": "weekly",
            "weekdays": ["1", "2", "3", "4", "5"],
            "times": "09:00",
            "number": 1,
            "unit": "hours",
            "zone": str(settings.TIME_ZONE),
            "missed": Missed.ONCE.value,
        }
    timing, said = wanted.timing, wanted.contents
    return {
        **_initial_rule(timing),
        "name": wanted.name,
        **_initial_recipients(said["to"]),
        **_initial_contents(said),
        "zone": timing.zone,
        "start": timing.start and timing.start.astimezone(timing.tz).replace(tzinfo=None),
        "end": timing.end and timing.end.astimezone(timing.tz).replace(tzinfo=None),
        "runs": wanted.max_runs,
        "missed": wanted.missed,
        "grace": None if wanted.grace is None else max(1, round(wanted.grace / timedelta(minutes=1))),
    }


def _initial_recipients(to: Sequence[str]) -> dict[str, str]:
    """The first recipient that is offered as an audience is the chosen one; the others are lines."""
    offered = {name for _label, choices in fields.audiences() if isinstance(choices, list) for name, _ in choices}
    offered |= {name for name, label in fields.audiences() if not isinstance(label, list)} - {""}
    chosen = next((one for one in to if one in offered), "")
    return {"audience": chosen, "to": "\n".join(one for one in to if one != chosen)}


def _initial_contents(said: Mapping[str, Any]) -> dict[str, Any]:
    expires = said.get("expires")
    return {
        **{name: said.get(name, "") for name in ("kind", "title", "message", "level", "url")},
        "params": said.get("params"),
        "buttons": fields.as_lines(said.get("actions", ())),
        "expires": None if expires is None else max(1, round(expires / 60)),
    }


def _initial_rule(timing: Timing) -> dict[str, Any]:
    match timing.rule:
        case Weekly(weekdays, times):
            return {"repeat": "weekly", "weekdays": [str(day) for day in weekdays], "times": ", ".join(times)}
        case Monthly(days, times, or_last_day):
            listed = ", ".join(str(day) for day in days)
            return {"repeat": "monthly", "days": listed, "times": ", ".join(times), "or_last_day": or_last_day}
        case Every(number, unit):
            return {"repeat": "every", "number": number, "unit": unit}
        case Once(at):
            return {"repeat": "once", "at": rules.local_time(at, timing.tz)}
        case Cron(expression):
            return {"repeat": "cron", "expression": expression}
