"""Following topics and leaving them, by the people themselves. Staff puts people on topics in the admin."""

from collections.abc import Collection

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from hub import limits
from hub.access import revalidate
from hub.publishing import publish_many
from hub.users import User, all_users
from hub.validation import Refused, is_storable
from notifications import channels
from notifications.events import TopicFollowed
from notifications.models import Follow, Topic, newest_alert

#: Who follows so many topics, those that staff put them on included, follows no other by themselves: their sockets
#: follow a channel for each.
FOLLOW_LIMIT = 100


FOLLOWS = limits.declare("follows", setting="limit_follows", sentence=_("You have followed and left many topics."))


class NoSuchTopic(Refused):
    """There is none of this name, or none that this person may know of."""

    code = 404
    sentence = _("There is no such topic")


class ClosedTopic(Refused):
    """Only staff takes people off this topic."""

    code = 403
    sentence = _("Only an administrator can take you off this topic")


class TooManyTopics(Refused):
    """This person follows as many topics as one may."""

    code = 409
    sentence = _("You follow too many topics")


def follow(*, user: User, name: str) -> Topic:
    """Have ``user`` get the alerts of an open topic, on the sockets that they have open too.

    Repeating it changes nothing. What was sent to the topic before is in their list, and read.

    Raises:
        NoSuchTopic: or it is closed to them.
        TooManyTopics: they follow :data:`FOLLOW_LIMIT` others.
        TooMany: they have changed what they follow as often as one may.
    """
    _count(user, name, follows=True)
    with transaction.atomic():
        # One at a time for a person: each then counts what the others have followed. SQLite has one writer anyway.
        all_users().select_for_update(no_key=True).filter(pk=user.pk).first()
        topic = _topic(user, name)
        if not topic.followed:
            if Follow.objects.filter(user=user).count() >= FOLLOW_LIMIT:
                raise TooManyTopics
            Follow.objects.get_or_create(topic=topic, user=user)
            topic.followed = True
    return topic


def follow_many(*, topic: Topic, users: Collection[User]) -> int:
    """Have these people follow ``topic``, open or closed, as staff does; returns how many did not before.

    A fixed number of queries. :data:`FOLLOW_LIMIT` does not count here.
    """
    with transaction.atomic():
        known = Follow.objects.filter(topic=topic, user__in=users).values_list("user", flat=True)
        before = set(known)
        new = [user for user in users if user.pk not in before]
        after = newest_alert()
        Follow.objects.bulk_create(
            [Follow(topic=topic, user=user, after=after) for user in new], ignore_conflicts=True
        )
        publish_many((channels.of_user(user), TopicFollowed(topic.name)) for user in new)
        revalidate(users=[user.pk for user in new])
    return len(new)


def unfollow(*, user: User, name: str) -> Topic:
    """Have ``user`` get no more alerts of an open topic; those that it had leave their list. Repeating it is harmless.

    Raises:
        NoSuchTopic: or it is closed to them.
        ClosedTopic: they were put on it, and cannot leave by themselves.
        TooMany: as :func:`follow`.
    """
    _count(user, name, follows=False)
    with transaction.atomic():
        topic = _topic(user, name)
        if not topic.is_open:
            raise ClosedTopic
        # One by one, for its signal.
        for row in Follow.objects.filter(topic=topic, user=user):
            row.delete()
        topic.followed = False
    return topic


def _count(user: User, name: str, *, follows: bool) -> None:
    """Count a change, before the transaction: nobody waits for the database because Redis does not answer."""
    if _topic(user, name).followed is not follows:
        limits.take(FOLLOWS, user.pk)


def _topic(user: User, name: str) -> Topic:
    """The topic with ``followed``, if ``user`` may know of it."""
    topic = Topic.objects.filter(name=name).first() if is_storable(name) else None
    if topic is not None:
        topic.followed = Follow.objects.filter(topic=topic, user=user).exists()
    if topic is None or not (topic.is_open or topic.followed):
        raise NoSuchTopic(name)
    return topic
