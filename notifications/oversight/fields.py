"""Fields of the forms in which the staff say what is sent, and to whom."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django import forms
from django.contrib.auth.models import Group
from django.forms.fields import InvalidJSONInput
from django.utils.translation import gettext_lazy as _

from notifications.kinds.declaring import declared as declared_kinds
from notifications.models import Level, Topic
from notifications.offers.declaring import Action, Link
from notifications.sending.alerting import EVERYONE
from notifications.sending.named_audiences import MEMBERS, declared


def lines(label: Any, help_text: Any, rows: int = 3) -> forms.CharField:
    """Several texts, one in a line."""
    widget = forms.Textarea(attrs={"rows": rows, "cols": 60})
    return forms.CharField(label=label, help_text=help_text, required=False, widget=widget)


class JsonField(forms.JSONField):
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


def audiences() -> list[tuple[Any, Any]]:
    """Choices of recipients of many: those that there are now, as ``notify`` takes them."""
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


def kinds() -> list[tuple[str, Any]]:
    """Choices of kinds."""
    return [("", "–"), *((kind.name, f"{kind.label} ({kind.name})") for kind in declared_kinds())]


def levels() -> list[tuple[str, Any]]:
    """Choices of levels."""
    return [("", _("that of the kind, or information")), *Level.choices]


def buttons(text: str) -> Iterator[Action | Link]:
    """The buttons that lines name: what each says, and where it leads or which action it does."""
    for number, line in enumerate(filter(None, map(str.strip, text.splitlines()))):
        label, _equals, leads_to = map(str.strip, line.rpartition("="))
        if leads_to.startswith(("/", "http://", "https://")):
            yield Link(f"link-{number}", label, leads_to)
        else:
            yield Action(leads_to, label)


def as_lines(offered: Iterable[Mapping[str, Any]]) -> str:
    """Stored buttons as :func:`buttons` reads them."""
    return "\n".join(f"{one.get('label', '')} = {one.get('url') or one.get('name', '')}" for one in offered)
