"""Tells pages and web processes when a user follows or unfollows a topic, whoever made the change.

Changes that send no signal (``bulk_create()``, ``update()``, SQL by hand) are found by the periodic revalidation of
:mod:`hub.access.revalidation`.
"""

from typing import Any
from weakref import WeakKeyDictionary

from django.db.models import QuerySet
from django.db.models.signals import post_delete, post_save

from hub.access import revalidate
from hub.database import listen
from hub.publishing import forget_channel, publish
from hub.users import id_in
from notifications import channels
from notifications.events import TopicFollowed, TopicUnfollowed
from notifications.models import Follow, Topic

#: By the query of a deletion that is under way: the names of its topics. Django deletes without what was joined.
_names: WeakKeyDictionary[QuerySet[Any], dict[int, str]] = WeakKeyDictionary()


def connect() -> None:
    """Listen for changes of topics; called once, when the apps are ready."""
    listen(_follow_saved, post_save, Follow, "notifications.follow_saved")
    listen(_follow_deleted, post_delete, Follow, "notifications.follow_deleted")
    listen(_topic_saved, post_save, Topic, "notifications.topic_saved")
    listen(_topic_deleted, post_delete, Topic, "notifications.topic_deleted")


def _follow_saved(sender: type[Follow], instance: Follow, created: bool, **_: Any) -> None:
    if created:
        publish(channels.of_user_id(id_in(instance)), TopicFollowed(instance.topic.name))
        revalidate(users=[instance.user_id])


def _follow_deleted(sender: type[Follow], instance: Follow, origin: Any, **_: Any) -> None:
    # With a topic go all who followed it: one look at its channel. With a person go their sockets.
    if (origin.model if isinstance(origin, QuerySet) else type(origin)) is Follow:
        if name := _name(instance, origin):
            publish(channels.of_user_id(id_in(instance)), TopicUnfollowed(name))
        revalidate(users=[instance.user_id])


def _name(instance: Follow, origin: Any) -> str:
    """The name of the topic, empty where that is gone; looked up once for all the rows that are deleted together."""
    names = _names.setdefault(origin, {}) if isinstance(origin, QuerySet) else {}
    if instance.topic_id not in names:
        found = Topic.objects.filter(pk=instance.topic_id).values_list("name", flat=True)
        names[instance.topic_id] = found.first() or ""
    return names[instance.topic_id]


def _topic_saved(sender: type[Topic], instance: Topic, created: bool, **_: Any) -> None:
    if not created:
        revalidate(channels=[channels.of_topic(instance.name)])


def _topic_deleted(sender: type[Topic], instance: Topic, **_: Any) -> None:
    channel = channels.of_topic(instance.name)
    # Another topic may get the name, and other people follow it: it must not bring them this past.
    forget_channel(channel)
    revalidate(channels=[channel])
