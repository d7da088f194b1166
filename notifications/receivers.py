"""Tells pages and web processes when a user follows or unfollows a topic, whoever made the change.

Changes that send no signal (``bulk_create()``, ``update()``, SQL by hand) are found by the periodic revalidation of
:mod:`hub.access.revalidation`.
"""

from typing import Any
from weakref import WeakKeyDictionary

from django.db.models import QuerySet
from django.db.models.signals import post_delete, post_save, pre_delete

from hub.access import revalidate
from hub.database import listen
from hub.publishing import forget_channel, publish
from hub.users import Key, id_in, ids_of_keys
from notifications import channels
from notifications.events import TopicFollowed, TopicUnfollowed
from notifications.models import Distribution, Follow, Topic
from notifications.sending import withdrawing


class _Deletion:
    """What is looked up once for all the rows that are deleted together: Django deletes without what was joined."""

    def __init__(self) -> None:
        #: The keys of those who follow no more, and what these people are called outside, once it was asked.
        self.keys: set[Key] = set()
        self.ids: dict[Key, str] = {}
        #: The names of the topics, empty where they are gone.
        self.names: dict[int, str] = {}

    def id_of(self, key: Key) -> str | None:
        """What this person is called outside; None where they are gone."""
        if self.keys:
            self.ids |= ids_of_keys(self.keys)
            self.keys = set()
        return self.ids.get(key)

    def name_of(self, topic_id: int) -> str:
        """The name of this topic, empty where it is gone."""
        if topic_id not in self.names:
            found = Topic.objects.filter(pk=topic_id).values_list("name", flat=True)
            self.names[topic_id] = found.first() or ""
        return self.names[topic_id]


#: By what is deleted: a query, or one row.
_under_way: WeakKeyDictionary[Any, _Deletion] = WeakKeyDictionary()


def connect() -> None:
    """Listen for changes of topics; called once, when the apps are ready."""
    listen(_follow_saved, post_save, Follow, "notifications.follow_saved")
    listen(_follow_going, pre_delete, Follow, "notifications.follow_going")
    listen(_follow_deleted, post_delete, Follow, "notifications.follow_deleted")
    listen(_topic_saved, post_save, Topic, "notifications.topic_saved")
    listen(_topic_deleted, post_delete, Topic, "notifications.topic_deleted")
    listen(_distribution_going, pre_delete, Distribution, "notifications.distribution_going")


def _follow_saved(sender: type[Follow], instance: Follow, created: bool, **_: Any) -> None:
    if created:
        publish(channels.of_user_id(id_in(instance)), TopicFollowed(instance.topic.name))
        revalidate(users=[instance.user_id])


def _is_of_follows(origin: Any) -> bool:
    """Whether follows alone are deleted. With a topic go all who followed it: one look at its channel. With a person
    go their sockets.
    """
    return (origin.model if isinstance(origin, QuerySet) else type(origin)) is Follow


def _follow_going(sender: type[Follow], instance: Follow, origin: Any, **_: Any) -> None:
    if _is_of_follows(origin):
        _under_way.setdefault(origin, _Deletion()).keys.add(instance.user_id)


def _follow_deleted(sender: type[Follow], instance: Follow, origin: Any, **_: Any) -> None:
    if _is_of_follows(origin):
        deletion = _under_way.setdefault(origin, _Deletion())
        name, known = deletion.name_of(instance.topic_id), deletion.id_of(instance.user_id)
        if name and known:
            publish(channels.of_user_id(known), TopicUnfollowed(name))
        revalidate(users=[instance.user_id])


def _topic_saved(sender: type[Topic], instance: Topic, created: bool, **_: Any) -> None:
    if not created:
        revalidate(channels=[channels.of_topic(instance.name)])


def _topic_deleted(sender: type[Topic], instance: Topic, **_: Any) -> None:
    channel = channels.of_topic(instance.name)
    # Another topic may get the name, and other people follow it: it must not bring them this past.
    forget_channel(channel)
    revalidate(channels=[channel])


def _distribution_going(sender: type[Distribution], instance: Distribution, **_: Any) -> None:
    # Locked and read again: a step of its job may be adding entries, and no other one follows.
    distribution = Distribution.objects.select_for_update().filter(pk=instance.pk).first()
    if distribution is not None:
        withdrawing.take_entries(distribution, shared=None)
