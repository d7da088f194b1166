"""Choosing one of the actions that an alert offers: once for each person, whatever they click."""

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from hub.logs import get_logger
from hub.publishing import publish
from hub.users import User, all_users, may
from hub.validation import Refused
from notifications import channels, events, sources
from notifications.inbox import bundles, read_marks, reading
from notifications.models import ActionChoice, Notification
from notifications.offers import declaring as offers
from notifications.sending import withdrawing

log = get_logger(__name__)


class NoSuchAction(Refused):
    """The person has no such alert, or it does not offer this."""

    code = 404
    sentence = _("This can no longer be chosen")


class MayNotChoose(Refused):
    """The person lacks the permission that the action asks for."""

    code = 403
    sentence = _("You may not choose this")


class ActionFailed(Refused):
    """What was chosen could not be done, and counts as not chosen."""

    code = 500
    sentence = _("That did not work. Try again.")


def choose(*, user: User, notification_id: int, name: str) -> ActionChoice:
    """Store that ``user`` chooses this action of an alert, and run its function in the same transaction.

    Whoever has chosen before, this or another action, on whatever device, has chosen: nothing is run again. Their open
    pages are told after the commit.

    Returns what the person has chosen, now or before.

    Raises:
        NoSuchAction: the alert is not, or no longer, for the person, or has no such action.
        MayNotChoose: they lack the permission that it asks for, as the database says now.
        ActionFailed: the function raised an error.
        Refused: the function raised this.
    """
    with transaction.atomic():
        return _choose(user, notification_id, name)


def _choose(user: User, notification_id: int, name: str) -> ActionChoice:
    notification = _offering(user, notification_id)
    if not any(one["name"] == name and "url" not in one for one in notification.actions or ()):
        raise NoSuchAction
    registered = offers.registered(name)
    if registered is None:
        raise NoSuchAction  # no app has it any more
    if registered.permission:
        fresh = all_users().filter(pk=user.pk).first()
        if fresh is None or not may(fresh, registered.permission):
            raise MayNotChoose
    # Who has chosen at the same time, and was first, has chosen.
    choice, is_new = ActionChoice.objects.get_or_create(
        user=user, notification=notification, defaults={"action": name, "source": sources.current()}
    )
    if is_new:
        try:
            registered.run(offers.Chosen(user, notification, name))
        except Refused:
            raise
        except Exception as error:
            log.exception("action_failed", action=name, notification=notification_id)
            raise ActionFailed from error
        told = events.ActionChosen(id=notification.pk, action=name, at=choice.chosen_at)
        publish(channels.of_user(user), told)
    return choice


def _offering(user: User, notification_id: int) -> Notification:
    """The alert, which nobody takes back, and of which nobody else chooses, until the open transaction ends.

    Were it held together with others, two whose function takes the alert back would wait for each other.
    """
    # First its key, as who takes it back does: the function may send or take back alerts with this key too.
    rows = withdrawing.named(key=None, id=notification_id).select_related("user", "group", "topic")
    if rows.exclude(bundle_by="").exists():
        read_marks.locked(user)  # before the alert, as whoever joins its bundle does
    found = rows.select_for_update(of=("self",), no_key=True).first()
    # Looked at when it is held: it may have been taken from the person, or have expired, meanwhile.
    if found is None or bundles.shown_as(reading.reader(user.pk), notification_id) is None:
        raise NoSuchAction
    return found
