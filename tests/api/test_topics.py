"""Topics, their followers, and read state over HTTP."""

from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from hub.models import Publication
from hub.users import user_id
from notifications import notify
from notifications.following import follow_many
from notifications.inbox import organizing
from notifications.models import Follow, Topic
from tests.api.calling import Api, key_for
from tests.notifications.published import published
from tests.support.people import User, make_crowd

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def ada() -> Any:
    return await User.objects.acreate_user("ada")


@pytest.mark.slow
async def test_topic_is_made_changed_listed_and_deleted(api: Api) -> None:
    made = await api.result("topic_create", name="deploys", title="Deployments", open=False)
    assert made == {"channel": "topic:deploys", "created": True}
    made = await api.result("topic_create", name="deploys", title="Releases")
    assert made["created"] is False
    topic = {"name": "deploys", "title": "Releases", "description": "", "open": True, "followers": 0}
    assert await api.result("topics") == {"topics": [topic]}
    await api.result("topic_delete", topic="deploys")
    assert not await Topic.objects.aexists()
    assert await api.error("topic_delete", topic="deploys") == 107
    for name, code in (("Ä", 102), ("a.b", 102), ("UPPER", 107)):
        assert await api.error("topic_create", name=name, title="x") == code
    assert await api.error("topic_create", name="x", title=" ") == 107
    for text in ("a\0b", "a\ud800b"):
        assert await api.error("topic_create", name="x", title=text) == 107
        assert await api.error("topic_create", name="x", title="x", description=text) == 107
    assert not await Topic.objects.aexists()


async def test_topic_that_somebody_else_makes_at_the_same_moment_is_changed(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    full_clean = Topic.full_clean

    def made_meanwhile(topic: Topic) -> None:
        full_clean(topic)
        Topic.objects.create(name=topic.name, title="theirs")

    monkeypatch.setattr(Topic, "full_clean", made_meanwhile)
    made = await api.result("topic_create", name="deploys", title="Deployments")
    assert made["created"] is False
    assert (await Topic.objects.aget()).title == "Deployments"


async def test_people_follow_and_stop(api: Api, ada: Any) -> None:
    known = user_id(ada)
    await api.result("topic_create", name="deploys", title="Deployments", open=False)
    assert await api.result("topic_follow", topic="deploys", users=[known]) == {"changed": 1}
    assert await api.result("topic_follow", topic="deploys", users=[known, known]) == {"changed": 0}
    assert await api.result("topic_followers", topic="deploys") == {"users": [known]}
    assert await api.result("topic_unfollow", topic="deploys", users=[known]) == {"changed": 1}
    said = await sync_to_async(published)(f"user:{known}")
    assert [data["type"] for data in said] == ["notifications.topic_followed", "notifications.topic_unfollowed"]
    assert not await Follow.objects.aexists()


@pytest.mark.parametrize("number", [2, 40])
def test_queries_do_not_grow_with_the_number_of_followers(number: int) -> None:
    topic, people = Topic.objects.create(name="deploys", title="Deploys"), make_crowd("person", number)
    with CaptureQueriesContext(connection) as captured:
        assert follow_many(topic=topic, users=people) == number
    assert len(captured) <= 24


@pytest.mark.slow
async def test_read_state_of_a_person_is_read_and_written(api: Api, ada: Any) -> None:
    known = user_id(ada)
    rows = [(await sync_to_async(notify)(to=ada, message=text))[0] for text in ("first", "second", "third")]
    page = await api.result("alerts", user=known, limit=2)
    assert [(one["message"], one["read"]) for one in page["alerts"]] == [("third", False), ("second", False)]
    assert (page["more"], page["unread"]) == (True, 3)
    assert await api.result("mark_read", user=known, ids=[rows[1].pk]) == {"unread": 2}
    assert await api.result("mark_read", user=known) == {"unread": 2}
    assert await api.result("mark_read", user=known, upto=rows[2].pk) == {"unread": 0}
    assert await Publication.objects.filter(channel=f"user:{known}", data__contains="alerts_read").acount() == 2


async def test_alerts_by_id_and_all_up_to_one_are_marked_together_or_not_at_all(
    api: Api, ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = user_id(ada)
    rows = [(await sync_to_async(notify)(to=ada, message="m"))[0] for _ in range(2)]
    both = {"user": known, "ids": [rows[1].pk], "upto": rows[0].pk}

    def fail(**_: Any) -> None:
        raise OperationalError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(organizing, "mark_all_read", fail)
        assert await api.error("mark_read", **both) == 100
    assert (await api.result("alerts", user=known))["unread"] == 2
    assert await api.result("mark_read", **both) == {"unread": 0}


@pytest.mark.slow
async def test_key_of_one_topic_and_one_person_reaches_those_only(api: Api, ada: Any) -> None:
    known, other = user_id(ada), user_id(await User.objects.acreate_user("bob"))
    await api.result("topic_create", name="deploys", title="Deployments")
    limited = Api(await sync_to_async(key_for)(channels=("topic:deploys", f"user:{known}")))
    await limited.result("topic_follow", topic="deploys", users=[known])
    refused: list[tuple[str, dict[str, Any]]] = [
        ("topic_follow", {"topic": "deploys", "users": [known, other]}),
        ("topic_create", {"name": "sales", "title": "Sales"}),
        ("topic_followers", {"topic": "sales"}),
        ("topics", {}),
        ("alerts", {"user": other}),
        ("mark_read", {"user": other, "upto": 1}),
    ]
    for name, request in refused:
        assert await limited.error(name, **request) == 103, name
