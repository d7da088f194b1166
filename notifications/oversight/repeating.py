"""Sending again what was sent before, to the same people or to one of them, and what is looked at before that."""

from typing import Any

from hub.users import User, written
from notifications.models import InboxEntry, Notification
from notifications.sending import actions, expiring
from notifications.sending.alerting import Alert, Found
from notifications.sending.named_audiences import LISTED, BadAudience, Listed, audience_named
from notifications.sending.own_keys import own_key


def send_again(row: Notification, *, once: str, sender: User, person: User | None = None) -> list[Notification]:
    """Send what ``row`` says as a new notification, which is unread and on top, to those to whom it went.

    To a list of people it goes to those who had it; to a group, a topic or an audience, to those who belong now.

    Args:
        row: has its user, group and topic.
        once: names the wish; the same one sends once.
        person: sends it to this person alone.

    Raises:
        BadAudience: its audience is not declared any more.
        LookupError: its recipient is gone, and it follows.
    """
    described = Alert(
        to=(person,) if person is not None else recipients_of(row),
        message=row.message,
        title=row.title,
        level=row.level,
        url=row.url,
        data=row.data,
        key=str(own_key("again:", once)),
        expires=None if expiring.is_over(row) else row.expires_at,
        kind=row.kind,
        params=row.params,
        actions=row.actions,
    )
    return actions.send([described], sender=sender)


def looked_at(row: Notification, person: User | None) -> dict[str, Any]:
    """To whom it goes or went, and what they read, as plain values: where they differ it is looked at again."""
    owners = (row.user_id, row.group_id, row.topic_id, None if person is None else person.pk)
    names = ("audience", "message", "title", "level", "url", "data", "kind", "params", "actions")
    return {"to": [str(owner) for owner in owners], **{name: getattr(row, name) for name in names}}


def _single(row: Notification) -> Found:
    for key, one in ((row.user_id, row.user), (row.group_id, row.group), (row.topic_id, row.topic)):
        if key is not None:
            if one is None:  # without it, this would be for everyone
                raise LookupError(f"The recipient of the notification {row.pk} is gone.")
            return one
    return None


def recipients_of(row: Notification) -> tuple[Found | Listed, ...]:
    """To whom :func:`send_again` sends it: those who had it of a list, else those who belong now. Raises as that."""
    if not row.audience:
        return (_single(row),)
    if row.audience != LISTED:
        found = audience_named(row.audience)
        if found is None:
            raise BadAudience(f"{row.audience!r} is no audience.")
        return (found,)
    entries = InboxEntry.objects.filter(notification=row.pk)
    return (Listed(tuple(map(written, entries.order_by("user_id").values_list("user_id", flat=True)))),)
