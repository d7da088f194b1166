"""The form in which the staff write a notification: what it says, to whom, and what people will read of it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple
from uuid import uuid4

from django import forms
from django.conf import settings
from django.contrib.auth.models import Group
from django.forms.fields import InvalidJSONInput
from django.utils.translation import gettext_lazy as _
from msgspec import UNSET

from hub.logs import get_logger
from hub.users import User, all_users, log_in_field, users_by_id
from hub.validation import MESSAGE_LIMIT, is_storable
from hub.web import UncutForm
from notifications.kind_previews import language_name
from notifications.kinds.declaring import declared as declared_kinds
from notifications.kinds.declaring import kind_named
from notifications.kinds.locales import Locale
from notifications.kinds.wording import Words, translations, words_for
from notifications.models import TITLE_LIMIT, Level, Notification, Topic
from notifications.offers.declaring import Action, Link
from notifications.sending.alerting import EVERYONE, Alert, BadAlert, Recipient, alert
from notifications.sending.named_audiences import MEMBERS, declared
from notifications.sending.own_keys import own_key

log = get_logger(__name__)

#: People of one call, at most: more have an audience.
PEOPLE_LIMIT = 1000

#: As a browser sends the value of ``datetime-local``.
_MOMENTS = ("%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S")


def _moment(label: Any, help_text: Any) -> forms.DateTimeField:
    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format=_MOMENTS[0])
    return forms.DateTimeField(label=label, help_text=help_text, required=False, input_formats=_MOMENTS, widget=widget)


def _lines(label: Any, help_text: Any, rows: int = 3) -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": rows, "cols": 60})
    return forms.CharField(label=label, help_text=help_text, required=False, widget=widget)


class _Values(forms.JSONField):
    """JSON, or nothing."""

    def to_python(self, value: Any) -> Any:
        try:
            return super().to_python(value)
        except RecursionError:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid") from None

    def bound_data(self, data: Any, initial: Any) -> Any:
        try:
            return super().bound_data(data, initial)
        except RecursionError:
            return InvalidJSONInput(data)

    def prepare_value(self, value: Any) -> Any:
        return "" if value is None else super().prepare_value(value)


class ComposeForm(UncutForm, forms.Form):
    """A notification as somebody writes it; :attr:`described` is what is sent."""

    audience = forms.ChoiceField(label=_("Audience"), required=False)
    people = _lines(_("People"), _("Ids, or what they log in with, one in a line."))
    kind = forms.ChoiceField(label=_("Kind"), required=False)
    params = _Values(
        label=_("Values"),
        help_text=_("JSON: the values for the placeholders of the kind."),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60}),
    )
    title = forms.CharField(label=_("Title"), required=False, max_length=TITLE_LIMIT)
    message = forms.CharField(
        label=_("Message"),
        help_text=_("Empty where the kind has one."),
        required=False,
        max_length=MESSAGE_LIMIT,
        widget=forms.Textarea(attrs={"rows": 4, "cols": 60}),
    )
    level = forms.ChoiceField(label=_("Level"), required=False)
    url = forms.CharField(label=_("Link"), required=False, help_text=_("https://… or a path of this site."))
    buttons = _lines(_("Buttons"), _("One in a line: what it says = https://…, a path, or the name of an action."))
    at = _moment(_("Send at"), _("Empty: at once."))
    expires = _moment(_("Expires"), _("From then on nobody is shown it."))
    #: Names this form, so that it is sent once however often it comes.
    once = forms.RegexField(r"\A[0-9a-f]{32}\Z", widget=forms.HiddenInput)

    described: Alert

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["once"].initial = uuid4().hex
        for name, choices in (("audience", _audiences()), ("kind", _kinds()), ("level", _levels())):
            self.fields[name].choices = choices  # type: ignore[attr-defined]  # of a select

    def clean_people(self) -> list[User]:
        """The people whom the lines name."""
        names = list(dict.fromkeys(filter(None, map(str.strip, self.cleaned_data["people"].splitlines()))))
        if len(names) > PEOPLE_LIMIT:
            raise forms.ValidationError(_("These are too many people: choose an audience."))
        names = [name for name in names if is_storable(name)]
        by_id = users_by_id(names)
        rest = [name for name in names if name not in by_id]
        field = log_in_field()
        by_name = {getattr(one, field): one for one in all_users().filter(**{f"{field}__in": rest})} if rest else {}
        if unknown := [name for name in rest if name not in by_name]:
            raise forms.ValidationError(_("There is nobody called %(name)s."), params={"name": unknown[0]})
        return [by_id.get(name) or by_name[name] for name in names]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        to: list[Recipient] = [*([cleaned["audience"]] if cleaned["audience"] else []), *cleaned["people"]]
        if not to:
            raise forms.ValidationError(_("Choose an audience, or name people."))
        try:
            self.described = alert(
                to=to,
                message=cleaned["message"],
                title=cleaned["title"],
                level=cleaned["level"] or UNSET,
                url=cleaned["url"],
                kind=cleaned["kind"] or None,
                params=cleaned["params"],
                actions=list(_buttons(cleaned["buttons"])),
                at=cleaned["at"],
                expires=cleaned["expires"],
                key=own_key("composed:", cleaned["once"]),
            )
        except BadAlert as error:
            raise forms.ValidationError(str(error)) from None
        except Exception as error:  # whatever the audience of a product raises
            log.warning("audience_failed", exc_info=True)
            raise forms.ValidationError(f"{type(error).__name__}: {error}") from None
        return cleaned

    def described_for(self, user: User) -> Alert:
        """The same for one person, at once, and however often: a test."""
        return replace(self.described, to=(user,), at=None, key=None)


def _audiences() -> list[tuple[Any, Any]]:
    topics = [(f"topic:{topic.name}", topic.title) for topic in Topic.objects.all()]
    groups = [(f"group:{name}", name) for name in Group.objects.order_by("name").values_list("name", flat=True)]
    named = [(one.label, one.label.partition(":")[2]) for one in declared()]
    listed = [(_("Topics"), topics), (_("Groups"), groups), (_("Audiences"), named)]
    return [
        ("", "–"),
        (EVERYONE, _("everyone, guests too")),
        (MEMBERS.label, _("all who have an account")),
        *((label, choices) for label, choices in listed if choices),
    ]


def _kinds() -> list[tuple[str, Any]]:
    return [("", "–"), *((kind.name, f"{kind.label} ({kind.name})") for kind in declared_kinds())]


def _levels() -> list[tuple[str, Any]]:
    return [("", _("that of the kind, or information")), *Level.choices]


def _buttons(text: str) -> Iterator[Action | Link]:
    for number, line in enumerate(filter(None, map(str.strip, text.splitlines()))):
        label, _equals, leads_to = map(str.strip, line.rpartition("="))
        if leads_to.startswith(("/", "http://", "https://")):
            yield Link(f"link-{number}", label, leads_to)
        else:
            yield Action(leads_to, label)


class Said(NamedTuple):
    """What people of one language read; ``language`` is empty where all read the same."""

    code: str
    language: str
    words: Words


def previews(described: Alert) -> list[Said]:
    """What people read of it, in each language in which it says something else."""
    names = ("kind", "params", "title", "message", "url")
    row = Notification(**{name: getattr(described, name) for name in names})
    kind = kind_named(described.kind) if described.kind else None
    codes = sorted(translations(kind)) if kind is not None and kind.templates else []
    if not codes:
        return [Said("", "", words_for(row, Locale("", "")))]
    return [Said(code, language_name(code), words_for(row, Locale(code, ""))) for code in (_usual(), *codes)]


def _usual() -> str:
    return str(settings.LANGUAGE_CODE)
