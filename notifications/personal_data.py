"""What the alerts app holds of a person, for :mod:`hub.privacy`."""

from datetime import datetime
from typing import Any

from django.db.models import Q

from hub.privacy import PersonalData, are_texts_removed, erased_texts, register, take_names_out
from hub.users import User, user_id
from notifications import failed_calls, sources
from notifications.models import (
    ActionChoice,
    Choice,
    Follow,
    InboxChange,
    InboxEntry,
    Notification,
    NotificationState,
    Preferences,
    ReadMark,
    ReadUpTo,
    ScheduledAlert,
)
from notifications.saved_rules import erasing, trials
from notifications.sending import distributing, scheduling
from notifications.sending.withdrawing import withdraw


def _export(user: User) -> dict[str, Any]:
    follows = Follow.objects.filter(user=user).order_by("pk").values_list("topic__name", flat=True)
    entries = InboxEntry.objects.filter(user=user).values("notification")
    actions = ActionChoice.objects.filter(user=user).order_by("pk")
    return {
        "received": _alerts(Q(user=user) | Q(pk__in=entries)),
        "owed": _alerts(Q(pk__in=[part.distribution_id for part in distributing.lists_with(user.pk)])),
        "sent": _alerts(Q(sender=user)),
        "follows": list(follows),
        "rules": [rule.name for rule in erasing.naming(user)],
        "trials": [
            {"at": one.created_at.isoformat(), "rule": one.rule.name, "title": one.title, "message": one.message}
            for one in trials.naming(user)
        ],
        "scheduled": [
            {"at": row.due_at.isoformat()} | {name: row.contents[name] for name in ("title", "message", "url", "data")}
            for row in scheduling.told_to(user.pk)
        ],
        "preferences": _preferences(user),
        "choices": _choices(user),
        "organised": _organised(user),
        "changes": [
            {"at": row.created_at.isoformat(), "change": row.change, "alerts": row.ids, "upto": row.upto}
            for row in InboxChange.objects.filter(user=user).order_by("pk").iterator()
        ],
        "actions": [
            {"alert": notification, "action": action, "at": at.isoformat()}
            for notification, action, at in actions.values_list("notification", "action", "chosen_at")
        ],
    }


def _alerts(which: Q) -> list[dict[str, Any]]:
    return [
        {"at": row.created_at.isoformat()}
        | {name: getattr(row, name) for name in ("level", "title", "message", "url", "data")}
        for row in Notification.objects.filter(which).order_by("pk").iterator()
    ]


def _preferences(user: User) -> dict[str, str]:
    columns = ("language", "time_zone", "quiet_days", "quiet_from", "quiet_to", "plan")
    chosen = Preferences.objects.filter(user=user).values(*columns).first() or {}
    return {name: "" if value is None else str(value) for name, value in chosen.items()}


def _choices(user: User) -> list[dict[str, Any]]:
    columns = ("subject", "method", "is_on", "off_until")
    rows = Choice.objects.filter(user=user).order_by("pk").values(*columns)
    return [row | {"off_until": _text(row["off_until"])} for row in rows]


def _organised(user: User) -> list[dict[str, Any]]:
    rows = NotificationState.objects.filter(user=user).order_by("notification")
    return [
        {
            "message": message,
            "archived": _text(archived_at),
            "snoozed_until": _text(snoozed_until),
            "seen": _text(seen_at),
            "unread": unread,
        }
        for message, archived_at, snoozed_until, seen_at, unread in rows.values_list(
            "notification__message", "archived_at", "snoozed_until", "seen_at", "unread"
        )
    ]


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _erase(user: User) -> None:
    # Before what they have: nothing more is given to them from a list.
    failed_calls.forget_person(user)
    scheduling.forget(user.pk)
    ScheduledAlert.objects.filter(source=sources.written(sources.PERSON, user_id(user))).update(source="")
    distributing.forget(user.pk)
    for model in (ReadMark, ReadUpTo, InboxEntry, InboxChange, NotificationState, Preferences, Choice, ActionChoice):
        model._default_manager.filter(user=user).delete()
    erasing.forget(user)
    trials.forget(user)
    # The admin's log calls them by their title, and by the name of who follows.
    named = Notification.objects.filter(user=user) | Notification.objects.filter(sender=user)
    take_names_out(Notification, list(named.values_list("pk", flat=True)))
    take_names_out(Follow, list(Follow.objects.filter(user=user).values_list("pk", flat=True)))
    # Alerts to the person alone: their channel is forgotten as a whole. Before the follows, which tell it.
    Notification.objects.filter(user=user).delete()
    Follow.objects.filter(user=user).delete()
    sent = Notification.objects.filter(sender=user)
    if are_texts_removed():
        withdraw(sent)
    elif erased_texts() == "anonymised":
        sent.update(sender=None, key=None, source="")


register(PersonalData("alerts", _export, _erase))
