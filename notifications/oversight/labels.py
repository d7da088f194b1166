"""What pages for the staff call the words of reports."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from notifications import sources

STATES = {
    "unread": _("unread"),
    "read": _("read"),
    "archived": _("archived"),
    "snoozed": _("snoozed"),
    "owed": _("still to be distributed to this person"),
    "expired": _("expired"),
    "none": _("not for this person, or switched off by them"),
}

STEPS = {
    "seen": _("seen"),
    "read": _("read"),
    "unread": _("marked as unread"),
    "archived": _("archived"),
    "unarchived": _("back from the archive"),
    "snoozed": _("snoozed"),
    "unsnoozed": _("back before its time"),
    "chosen": _("chose an action"),
}

#: What a connection has of a notification.
HAS = {
    "live": _("sent live"),
    "before": _("sent before it connected"),
    "waiting": _("still to be sent"),
    "unknown": _("not known any more"),
    "none": _("does not listen to this channel"),
}

_SOURCES = {
    sources.RULE: _("rule"),
    sources.SAVED_RULE: _("rule of the admin"),
    sources.TASK: _("task"),
    sources.API_KEY: _("API key"),
    sources.PERSON: pgettext_lazy("source", "person"),
    sources.SCHEDULE: _("schedule"),
    sources.COMMAND: _("command"),
    sources.DEVICE: _("device"),
}


def source(written: str) -> str:
    """A source for people: what it is, and its name."""
    what, _colon, name = written.partition(":")
    return f"{_SOURCES.get(what, what)} {name}".strip()
