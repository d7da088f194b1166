"""What lists of alerts show for browsers without scripts."""

from typing import NamedTuple

from django import template

from notifications.kinds.declaring import kind_named
from notifications.kinds.icons import ICONS, is_sign
from notifications.models import Level, Notification

register = template.Library()


class Icon(NamedTuple):
    """A name of the hub's icons or, where ``is_sign``, a text to show as it is."""

    text: str
    is_sign: bool


@register.filter
def alert_icon(alert: Notification) -> Icon:
    """The icon of the alert's kind, else of its level: as ``static/hub/js/components/kind-icon.js`` has it."""
    kind = kind_named(alert.kind) if alert.kind else None
    if kind is not None and (kind.icon in ICONS or is_sign(kind.icon)):
        return Icon(kind.icon, is_sign=kind.icon not in ICONS)
    return Icon(alert.level if alert.level in Level.values else Level.INFO.value, is_sign=False)
