"""``notify`` over HTTP: the domain's alert, held to the channels of the key."""

from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group

from hub.users import log_in_field, user_id
from notifications.models import Notification, ScheduledAlert, Topic
from tests.api.calling import DENIED, Api, key_for
from tests.support.people import User


def name_of(user: User) -> str:
    """The recipient who logs in as this person does."""
    return f"user:{user.get_username()}"


@pytest.fixture
async def ada(api: Api) -> User:
    return await User.objects.acreate_user("ada")


@pytest.mark.parametrize(
    "form", ["name", "user:name", "id", pytest.param("number", marks=pytest.mark.own_user_model), "list"]
)
async def test_recipient_may_be_named_in_each_way(api: Api, form: str) -> None:
    ada = await User.objects.acreate_user("ada.lovelace")
    name, known = ada.get_username(), user_id(ada)
    to: Any = {"name": name, "user:name": f"user:{name}", "id": known, "number": ada.pk, "list": [name, known]}[form]
    result = await api.result("notify", to=to, message="Hello", title="T", level="warning", url="/x/", data={"n": 1})
    row = await Notification.objects.aget()
    assert result == {"ids": [row.pk]}
    assert (row.user_id, row.title, row.level, row.url, row.data) == (ada.pk, "T", "warning", "/x/", {"n": 1})


@pytest.mark.own_user_model
async def test_text_of_digits_is_an_id_whoever_has_taken_it_as_a_name(api: Api, ada: User) -> None:
    namesake = await User.objects.acreate_user(str(ada.pk))
    nobody = str(ada.pk + 1000)
    other = await User.objects.acreate_user(nobody)
    for to in (ada.pk, str(ada.pk), [ada.pk, str(ada.pk)]):
        await api.result("notify", to=to, message="Hello")
    assert [row.user_id async for row in Notification.objects.all()] == [ada.pk] * 3
    for to in (nobody, f"0{ada.pk}", "9" * 19, "9" * 5000, "0"):
        assert await api.error("notify", to=to, message="Hello") == 107
    for user in (namesake, other):
        await api.result("notify", to=f"user:{user.get_username()}", message="Hello")
    assert [row.user_id async for row in Notification.objects.order_by("pk")][3:] == [namesake.pk, other.pk]


async def test_same_key_is_one_alert(api: Api, ada: User) -> None:
    first = await api.result("notify", to=name_of(ada), message="Hello", key="k")
    assert await api.result("notify", to=[name_of(ada), "everyone"], message="Hello", key="other")
    assert await api.result("notify", to=name_of(ada), message="Hello", key="k") == first


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"to": "nobody", "message": "Hello"}, 107),
        ({"to": 10**9, "message": "Hello"}, 107),
        ({"to": 2**80, "message": "Hello"}, 107),
        ({"to": True, "message": "Hello"}, 107),
        ({"to": "user:a\0", "message": "Hello"}, 107),
        ({"to": "topic:nothing", "message": "Hello"}, 107),
        ({"to": "x" * 5000, "message": "Hello"}, 107),
        ({"to": "everyone", "message": " "}, 107),
        ({"to": "everyone", "message": "Hello", "level": "loud"}, 107),
        ({"to": "everyone", "message": "Hello", "url": "javascript:alert(1)"}, 107),
        ({"to": "everyone", "message": "Hello", "data": "\0"}, 107),
        ({"to": "everyone", "message": "Hello", "key": ""}, 107),
        ({"message": "Hello"}, 107),
        ({"to": ["everyone"] * 1001, "message": "Hello"}, 106),
    ],
)
async def test_alert_that_cannot_be_sent_is_refused(api: Api, request_: dict[str, Any], code: int) -> None:
    assert await api.error("notify", **request_) == code
    assert not await Notification.objects.aexists()


@pytest.mark.parametrize(
    ("pattern", "allowed"),
    [
        ("everyone", []),
        ("user:*", ["user"]),
        ("group:*", ["group"]),
        ("topic:deploys", ["topic"]),
        ("topic:other", []),
        ("*", ["user", "group", "topic"]),
    ],
)
async def test_key_notifies_whom_its_channels_name(ada: User, pattern: str, allowed: list[str]) -> None:
    await Group.objects.acreate(name="team")
    await Topic.objects.acreate(name="deploys", title="Deployments")
    limited = Api(await sync_to_async(key_for)("notify", channels=(pattern,)))
    for to in (name_of(ada), "group:team", "topic:deploys"):
        reply = await limited("notify", to=to, message="Hello")
        assert reply.get("error", {}).get("code") == (None if to.partition(":")[0] in allowed else 103)
    reply = await limited("notify", to="everyone", message="Hello")
    assert reply.get("error", {}).get("code") == (None if pattern in {"everyone", "*"} else 103)


@pytest.mark.parametrize("to", ["user:{}", "{}", "group:{}", "topic:{}", 7_000_000], ids=str)
async def test_limited_key_does_not_learn_which_recipients_there_are(ada: User, to: str | int) -> None:
    await Group.objects.acreate(name="ada")
    await Topic.objects.acreate(name="ada", title="Ada")
    limited = Api(
        await sync_to_async(key_for)("notify", channels=("everyone", "topic:deploys", "user:99999*", "room:*"))
    )
    name = ada.get_username() if to in {"{}", "user:{}"} else "ada"
    found, missing = [to.format(one) for one in (name, "nobody")] if isinstance(to, str) else (user_id(ada), to)
    answers = [await limited("notify", to=one, message="Hello") for one in (found, missing)]
    assert answers[0] == answers[1] == DENIED


@pytest.mark.parametrize("to", ["everyone", ["everyone"], [None, "everyone"]])
async def test_private_alert_of_somebody_called_everyone_goes_to_nobody_else(api: Api, ada: User, to: Any) -> None:
    odd = await User.objects.acreate(**{log_in_field(): "everyone"})
    to = [one or name_of(ada) for one in to] if isinstance(to, list) else to
    assert await api.error("notify", to=to, message="your password is …") == 107
    assert not await Notification.objects.aexists()
    await api.result("notify", to="user:everyone", message="your password is …")
    assert (await Notification.objects.aget()).user_id == odd.pk


async def test_name_that_begins_as_the_prefix_does_is_nobody_elses(api: Api, ada: User) -> None:
    name = name_of(ada)
    odd = await User.objects.acreate(**{log_in_field(): name})
    assert await api.error("notify", to=name, message="your password is …") == 107
    assert not await Notification.objects.aexists()
    for to in (user_id(ada), f"user:{name}"):
        await api.result("notify", to=to, message="Hello")
    assert [row.user_id async for row in Notification.objects.order_by("pk")] == [ada.pk, odd.pk]


@pytest.mark.slow
async def test_a_thousand_recipients_are_taken_and_one_more_is_refused_with_a_sentence(api: Api, ada: User) -> None:
    people = [await User.objects.acreate_user(f"person-{number}") for number in range(3)]
    to: list[str | int] = [*map(user_id, people), *[name_of(ada)] * 997]
    assert len((await api.result("notify", to=to, message="Hello"))["ids"]) == 4
    error = (await api("notify", to=[*to, name_of(ada)], message="Hello"))["error"]
    assert (error["code"], error["message"]) == (106, "limit exceeded: an alert has 1000 recipients at most")
    assert await Notification.objects.acount() == 4


async def test_an_alert_expires_after_seconds_or_at_a_time(api: Api) -> None:
    for expires in (60, 0.5, "2031-01-01T10:00:00+01:00"):
        await api.result("notify", to="everyone", message="m", expires=expires)
    assert await Notification.objects.filter(expires_at=None).acount() == 0
    for wrong in (0, -1, 1e300, "2031-01-01T10:00:00", "soon", True):
        assert await api.error("notify", to="everyone", message="m", expires=wrong) == 107


async def test_an_alert_for_later_has_no_ids_and_is_cancelled_by_its_key(api: Api) -> None:
    at = "2035-01-01T10:00:00+01:00"
    result = await api.result("notify", to=["members"], message="m", key="k", at=at)
    assert result == {"ids": [], "scheduled": True}
    assert not await Notification.objects.aexists()
    assert await api.error("notify", to="everyone", message="m", at="2035-01-01T10:00:00") == 107
    limited = Api(await sync_to_async(key_for)(channels=("everyone",)))
    assert await limited.error("notify", to="members", message="m", at=at) == 103
    assert await limited.result("retract", key="k") == {"retracted": 0}
    assert await api.result("retract", key="k") == {"retracted": 1}
    assert not await ScheduledAlert.objects.aexists()


async def test_an_alert_replaces_the_one_with_its_key(api: Api) -> None:
    (first,) = (await api.result("notify", to="everyone", message="one", key="k", replace=True))["ids"]
    (second,) = (await api.result("notify", to="everyone", message="two", key="k", replace=True))["ids"]
    assert [(row.pk, row.message) async for row in Notification.objects.all()] == [(second, "two")]
    assert first != second
    assert await api.error("notify", to="everyone", message="three", replace=True) == 107


async def test_an_alert_for_a_local_time(api: Api) -> None:
    at_local = "2035-01-01T10:00:00"
    result = await api.result("notify", to="members", message="m", key="k", at_local=at_local)
    assert result == {"ids": []}  # nobody is a member
    await User.objects.acreate_user("ann")
    assert (await api.result("notify", to="members", message="m", at_local=at_local))["scheduled"]
    for wrong in ({"to": "everyone"}, {"at_local": "2035-01-01T10:00:00Z"}, {"at": "2035-01-01T10:00:00Z"}):
        asked = {"to": "members", "message": "m", "at_local": at_local, **wrong}
        assert await api.error("notify", **asked) == 107


@pytest.mark.parametrize("key", ["again:1", "composed:x", "schedule:5:1", "chat.room_opened:3"])
async def test_a_key_of_the_hub_is_refused(api: Api, key: str) -> None:
    answer = await api("notify", to="everyone", message="m", key=key)
    assert "are the hub's own: begin yours otherwise" in str(answer["error"])
    assert not await Notification.objects.aexists()
