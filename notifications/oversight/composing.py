"""The form in which the staff write a notification: what it says, to whom, and what people will read of it."""

from dataclasses import replace
from typing import Any, NamedTuple
from uuid import uuid4

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _
from msgspec import UNSET

from hub.logs import get_logger
from hub.users import User, all_users, log_in_field, users_by_id
from hub.validation import MESSAGE_LIMIT, is_storable
from hub.web import UncutForm
from notifications.kind_previews import language_name
from notifications.kinds.declaring import kind_named
from notifications.kinds.locales import Locale
from notifications.kinds.wording import Words, translations, words_for
from notifications.models import TITLE_LIMIT, Notification
from notifications.oversight import fields
from notifications.sending.alerting import Alert, BadAlert, Recipient, alert
from notifications.sending.own_keys import own_key

log = get_logger(__name__)

#: People of one call, at most: more have an audience.
PEOPLE_LIMIT = 1000

#: As a browser sends the value of ``datetime-local``.
_MOMENTS = ("%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S")


def _moment(label: Any, help_text: Any) -> forms.DateTimeField:
    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format=_MOMENTS[0])
    return forms.DateTimeField(label=label, help_text=help_text, required=False, input_formats=_MOMENTS, widget=widget)


class ComposeForm(UncutForm, forms.Form):
    """A notification as somebody writes it; :attr:`described` is what is sent."""

    audience = forms.ChoiceField(label=_("Audience"), required=False)
    people = fields.lines(_("People"), _("Ids, or what they log in with, one in a line."))
    kind = forms.ChoiceField(label=_("Kind"), required=False)
    params = fields.JsonField(
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
    buttons = fields.lines(
        _("Buttons"), _("One in a line: what it says = https://…, a path, or the name of an action.")
    )
    at = _moment(_("Send at"), _("Empty: at once."))
    expires = _moment(_("Expires"), _("From then on nobody is shown it."))
    #: Names this form, so that it is sent once however often it comes.
    once = forms.RegexField(r"\A[0-9a-f]{32}\Z", widget=forms.HiddenInput)

    described: Alert

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["once"].initial = uuid4().hex
        for name, choices in (
            ("audience", fields.audiences()),
            ("kind", fields.kinds()),
            ("level", fields.levels()),
        ):
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
                actions=list(fields.buttons(cleaned["buttons"])),
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

    @property
    def written(self) -> dict[str, str]:
        """What was written in the fields, as it came."""
        return {name: str(self.data.get(self.add_prefix(name), "")) for name in self.fields}

    def described_for(self, user: User) -> Alert:
        """The same for one person, at once, and however often: a test."""
        return replace(self.described, to=(user,), at=None, key=None)


class SaidInLanguage(NamedTuple):
    """What people of one language read; ``language`` is empty where all read the same."""

    code: str
    language: str
    words: Words


def previews(described: Alert) -> list[SaidInLanguage]:
    """What people read of it, in each language in which it says something else."""
    names = ("kind", "params", "title", "message", "url")
    row = Notification(**{name: getattr(described, name) for name in names})
    kind = kind_named(described.kind) if described.kind else None
    codes = sorted(translations(kind)) if kind is not None and kind.templates else []
    if not codes:
        return [SaidInLanguage("", "", words_for(row, Locale("", "")))]
    return [SaidInLanguage(code, language_name(code), words_for(row, Locale(code, ""))) for code in (_usual(), *codes)]


def _usual() -> str:
    return str(settings.LANGUAGE_CODE)
