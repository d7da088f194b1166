"""Topics over HTTP: make and delete them, and say who follows them."""

from typing import Annotated, Any

import msgspec
from django.core.exceptions import ValidationError
from django.db.models import Count
from msgspec import Meta

from hub.api import (
    DETAIL_LIMIT,
    ApiCall,
    ApiError,
    Code,
    Method,
    PageOfPeople,
    PageWanted,
    PeopleChanged,
    Users,
    all_of,
    page_of_people,
    people_named,
    register,
)
from hub.database import in_database_thread
from hub.validation import is_storable
from notifications import channels, following
from notifications.models import NAME_LIMIT, Follow, Topic

_NAME = Annotated[str, Meta(description=f"1 to {NAME_LIMIT} small letters a to z, digits, `-` and `_`.")]


class TopicsRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Read which topics there are."""


class ApiTopic(msgspec.Struct, kw_only=True):
    """A topic. ``open``: whoever is logged in may follow it."""

    name: str
    title: str
    description: str
    open: bool
    followers: int


class TopicsResult(msgspec.Struct):
    """All topics, by name."""

    topics: list[ApiTopic]


class TopicCreateRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Make a topic, or change the texts of the one with this name."""

    name: _NAME
    title: str
    description: str = ""
    open: bool = True


class TopicCreateResult(msgspec.Struct):
    """Its channel; ``created``: it was not there before."""

    channel: str
    created: bool


class TopicRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Something that concerns a whole topic."""

    topic: str


class TopicDeleted(msgspec.Struct):
    """The topic is gone, and what was sent to it."""


class TopicFollowersRequest(PageWanted, kw_only=True, forbid_unknown_fields=True):
    """Read who follows a topic."""

    topic: str


class TopicChangeRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Have people follow a topic, or no longer."""

    topic: str
    users: Users


async def read_all(call: ApiCall[TopicsRequest]) -> TopicsResult:
    """Closed ones too."""
    all_of(call, channels.TOPIC)
    return TopicsResult(await in_database_thread(_read_all))


def _read_all() -> list[ApiTopic]:
    topics = Topic.objects.annotate(number=Count("follows")).order_by("name")
    return [
        ApiTopic(name=one.name, title=one.title, description=one.description, open=one.is_open, followers=one.number)
        for one in topics
    ]


async def create(call: ApiCall[TopicCreateRequest]) -> TopicCreateResult:
    """The name stays for good."""
    channel = channels.of_topic(call.request.name)
    call.channel(channel)
    return TopicCreateResult(channel, await in_database_thread(_create, call.request))


def _create(request: TopicCreateRequest) -> bool:
    texts = {"title": request.title, "description": request.description}
    for field, text in texts.items():
        if not is_storable(text):
            raise ApiError(Code.BAD_REQUEST, f"{field}: no database stores it: it has NUL or half a character")
    changed = {**texts, "is_open": request.open}
    topic = Topic.objects.filter(name=request.name).first() or Topic(name=request.name)
    for field, value in changed.items():
        setattr(topic, field, value)
    try:
        topic.full_clean()
    except ValidationError as error:
        field = next(iter(error.message_dict))
        raise ApiError(Code.BAD_REQUEST, f"{field}: {error.message_dict[field][0]}"[:DETAIL_LIMIT]) from None
    # Somebody else may make it in this moment.
    return Topic.objects.update_or_create(name=topic.name, defaults=changed)[1]


async def delete(call: ApiCall[TopicRequest]) -> TopicDeleted:
    """With all its alerts."""
    await in_database_thread(lambda: _topic(call).delete())
    return TopicDeleted()


async def read_followers(call: ApiCall[TopicFollowersRequest]) -> PageOfPeople:
    """In the order of their keys."""
    return await in_database_thread(_read_followers, call)


def _read_followers(call: ApiCall[TopicFollowersRequest]) -> PageOfPeople:
    return page_of_people(Follow.objects.filter(topic=_topic(call)), "user", call.request)


async def follow(call: ApiCall[TopicChangeRequest]) -> PeopleChanged:
    """What was sent to the topic before is in their lists, and read."""
    return PeopleChanged(await in_database_thread(_follow, call))


def _follow(call: ApiCall[TopicChangeRequest]) -> int:
    return following.follow_many(topic=_topic(call), users=people_named(call, call.request.users))


async def unfollow(call: ApiCall[TopicChangeRequest]) -> PeopleChanged:
    """Its alerts leave their lists."""
    return PeopleChanged(await in_database_thread(_unfollow, call))


def _unfollow(call: ApiCall[TopicChangeRequest]) -> int:
    people = people_named(call, call.request.users)
    return Follow.objects.filter(topic=_topic(call), user__in=people).delete()[0]


def _topic(call: ApiCall[Any]) -> Topic:
    name = call.request.topic
    call.channel(channels.of_topic(name))
    topic = Topic.objects.filter(name=name).first()
    if topic is None:
        raise ApiError(Code.BAD_REQUEST, "there is no such topic")
    return topic


_TOPIC = {"topic": "deploys"}
_CHANGE = {"topic": "deploys", "users": ["42", "43"]}
_DEPLOYS = {"name": "deploys", "title": "Deployments"}

for method in (
    Method(
        "topics", TopicsRequest, TopicsResult, read_all, "Read which topics there are.", {}, also=("GET", "topics")
    ),
    Method("topic_create", TopicCreateRequest, TopicCreateResult, create, "Make or change a topic.", _DEPLOYS),
    Method("topic_delete", TopicRequest, TopicDeleted, delete, "Delete a topic and its alerts.", _TOPIC),
    Method("topic_followers", TopicFollowersRequest, PageOfPeople, read_followers, "Read who follows.", _TOPIC),
    Method("topic_follow", TopicChangeRequest, PeopleChanged, follow, "Have people follow a topic.", _CHANGE),
    Method("topic_unfollow", TopicChangeRequest, PeopleChanged, unfollow, "Have people stop.", _CHANGE),
):
    register(method)
