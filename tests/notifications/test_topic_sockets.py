"""Topics on sockets that are open: alerts come while one follows, and not to others."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from asgiref.sync import sync_to_async

import hub.asgi  # noqa: F401  # joins tokens to those who ask for them
from hub.access import control, registry, revalidation
from hub.fanout import relay
from hub.fanout.local_channel import Subscription
from hub.fanout.relay import Relay
from lab.harness.waiting import await_for
from notifications import anotify
from notifications.following import follow, unfollow
from notifications.models import Follow, Topic
from tests.connection.wire import Wire, wired
from tests.support.people import User
from tests.support.sockets import Endpoint, open_endpoint, session_cookie

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/ws/notifications/"
CHANNEL = "topic:deploys"
DENIED = 103


@pytest.fixture(autouse=True)
async def parts() -> None:
    """What a web process has before its first socket: it follows the orders that sockets are held to."""
    revalidation.current()
    await await_for(lambda: control.CHANNEL in relay.current().subscribed(), that="orders are followed")


async def followed(*, wanted: bool = True) -> None:
    """Every open socket of this process receives the topic, or none does."""
    await await_for(
        lambda: (
            all(socket.receives(CHANNEL) is wanted for socket in registry.current())
            and (CHANNEL in relay.current().subscribed()) is wanted
        ),
        that=f"following is {wanted}",
    )


async def answer(wire: Wire, method: str, /, **data: Any) -> Any:
    return (await wire.ask(rpc={"method": method, "data": data}))["rpc"]["data"]


async def refusal(wire: Wire, method: str, /, **data: Any) -> int:
    return int((await wire.ask(rpc={"method": method, "data": data}))["error"]["code"])


async def told(endpoint: Endpoint, to: object, message: str) -> list[str]:
    """What arrives up to the alert for everyone that comes after the one for ``to``."""
    await anotify(to=to, message=message)  # type: ignore[arg-type]  # a topic, or its name
    await anotify(to="everyone", message="end")
    found = [(await endpoint.receive_json())["message"]]
    while found[-1] != "end":
        found.append((await endpoint.receive_json())["message"])
    return found[:-1]


async def test_alerts_of_a_topic_come_while_one_follows_it(ann: User, deploys: Topic) -> None:
    session = await sync_to_async(session_cookie)(ann)
    async with open_endpoint(PATH, session=session) as endpoint:
        assert await told(endpoint, deploys, "before") == []
        await sync_to_async(follow)(user=ann, name="deploys")
        await followed()
        assert await told(endpoint, "topic:deploys", "while") == ["while"]
        await sync_to_async(unfollow)(user=ann, name="deploys")
        await followed(wanted=False)
        assert await told(endpoint, deploys, "after") == []


async def test_who_follows_gets_alerts_on_the_simple_endpoint_from_the_beginning(ann: User, deploys: Topic) -> None:
    await Follow.objects.acreate(topic=deploys, user=ann)
    session = await sync_to_async(session_cookie)(ann)
    async with open_endpoint(PATH, session=session) as endpoint:
        await anotify(to=deploys, message="m")
        frame = await endpoint.receive_json()
    assert (frame["channel"], frame["topic"]) == (CHANNEL, {"name": "deploys", "title": "Deployments"})


async def test_client_connection_is_subscribed_to_what_its_person_follows(ann: User, deploys: Topic) -> None:
    await Follow.objects.acreate(topic=deploys, user=ann)
    async with wired(ann) as wire:
        assert CHANNEL in wire.lines[0]["connect"]["subs"]
        listed = await answer(wire, "alerts.list")
        assert CHANNEL in listed["positions"]
        await anotify(to=deploys, message="live")
        push = await wire.pushed("pub")
        assert (push["channel"], push["pub"]["offset"]) == (CHANNEL, listed["positions"][CHANNEL]["offset"] + 1)
        (item,) = (await answer(wire, "alerts.list"))["items"]
        assert (item.pop("read"), item.pop("seen")) == (False, False)
        assert item == push["pub"]["data"]


async def test_following_and_leaving_on_one_tab_reaches_the_others(ann: User, deploys: Topic) -> None:
    async with wired(ann) as first, wired(ann) as second:
        topic = {"name": "deploys", "title": "Deployments", "description": "", "open": True}
        assert await answer(first, "topics.list") == {"items": [{**topic, "followed": False}]}
        assert await answer(first, "topics.follow", name="deploys") == {**topic, "followed": True}
        for wire in (first, second):
            assert (await wire.pushed("subscribe"))["channel"] == CHANNEL
        await anotify(to=deploys, message="live")
        await followed()
        assert (await second.pushed("pub", 2))["pub"]["data"]["message"] == "live"
        assert await answer(second, "topics.unfollow", name="deploys") == {**topic, "followed": False}
        for wire in (first, second):
            assert (await wire.pushed("unsubscribe"))["channel"] == CHANNEL
            said = [push["pub"]["data"]["type"] for push in wire.pushes if "pub" in push]
            assert said == [
                "notifications.topic_followed",
                "notifications.notification_created",
                "notifications.topic_unfollowed",
            ]


def follow_quietly(topic: Topic, user: User) -> None:
    """So that no process hears of it and looks by itself."""
    Follow.objects.bulk_create([Follow(topic=topic, user=user)])


def leave_quietly(user: User) -> None:
    Follow.objects.filter(user=user)._raw_delete("default")


async def test_two_looks_at_one_socket_join_a_topic_once(ann: User, deploys: Topic) -> None:
    session = await sync_to_async(session_cookie)(ann)
    async with open_endpoint(PATH, session=session) as endpoint:
        await told(endpoint, "everyone", "it is open")
        (socket,) = registry.current().of_user(ann.pk)
        await sync_to_async(follow_quietly)(deploys, ann)
        await asyncio.gather(socket.revalidate(ann), socket.revalidate(ann))
        assert await told(endpoint, deploys, "once") == ["once"]
        assert relay.current().subscribed()[CHANNEL] == 1


async def test_who_is_taken_off_while_the_socket_joins_gets_nothing(
    ann: User, deploys: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    attach = Relay.attach
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def attach_late(self: Relay, subscriptions: Sequence[Subscription]) -> None:
        reached.set()
        await go_on.wait()
        await attach(self, subscriptions)

    session = await sync_to_async(session_cookie)(ann)
    async with open_endpoint(PATH, session=session) as endpoint:
        await told(endpoint, "everyone", "it is open")
        (socket,) = registry.current().of_user(ann.pk)
        await sync_to_async(follow_quietly)(deploys, ann)
        monkeypatch.setattr(Relay, "attach", attach_late)
        looking = asyncio.create_task(socket.revalidate(ann))
        await reached.wait()
        await sync_to_async(leave_quietly)(ann)
        await socket.revalidate(await User.objects.aget(pk=ann.pk))
        go_on.set()
        await looking
        assert not socket.receives(CHANNEL)
        assert await told(endpoint, deploys, "after") == []


async def test_following_that_is_rolled_back_opens_nothing(ann: User, deploys: Topic) -> None:
    from django.db import transaction

    def almost() -> None:
        with transaction.atomic():
            follow(user=ann, name="deploys")
            transaction.set_rollback(True)

    async with wired(ann) as wire:
        await sync_to_async(almost)()
        await anotify(to=ann, message="m")
        await wire.pushed("pub")
        assert not wire.client.receives(CHANNEL)


# --- rights ----------------------------------------------------------------------------------------------------------


async def subscribes(user: User | None) -> int:
    """The code of the error, or 0."""
    async with wired(user) as wire:
        reply = await wire.ask(subscribe={"channel": CHANNEL})
    return int(reply.get("error", {}).get("code", 0))


async def test_open_topic_may_be_subscribed_by_whoever_is_signed_in(ann: User, deploys: Topic) -> None:
    assert await subscribes(ann) == 0
    assert await subscribes(None) == DENIED
    assert not await Follow.objects.aexists()


async def test_closed_topic_may_be_subscribed_by_those_who_are_on_it(ann: User, deploys: Topic) -> None:
    bob = await User.objects.acreate_user("bob", is_staff=True)
    await Topic.objects.filter(pk=deploys.pk).aupdate(is_open=False)
    await Follow.objects.acreate(topic=deploys, user=ann)
    assert await subscribes(ann) == 0  # the hub's own subscription becomes the client's
    assert await subscribes(bob) == DENIED
    assert await subscribes(None) == DENIED


async def test_topic_that_there_is_not_is_denied_like_a_closed_one(ann: User) -> None:
    assert await subscribes(ann) == DENIED


async def test_nobody_publishes_in_a_topic_from_a_client(ann: User, deploys: Topic) -> None:
    await Follow.objects.acreate(topic=deploys, user=ann)
    async with wired(ann) as wire:
        reply = await wire.ask(publish={"channel": CHANNEL, "data": {"message": "m"}})
    assert reply["error"]["code"] == DENIED


async def test_history_of_a_closed_topic_is_for_those_who_are_on_it(ann: User, deploys: Topic) -> None:
    await Topic.objects.filter(pk=deploys.pk).aupdate(is_open=False)
    await anotify(to="topic:deploys", message="secret")
    async with wired(ann) as wire:
        assert (await wire.ask(history={"channel": CHANNEL, "limit": 10}))["error"]["code"] == DENIED
    await Follow.objects.acreate(topic=deploys, user=ann)
    async with wired(ann) as wire:
        found = (await wire.ask(history={"channel": CHANNEL, "limit": 10}))["history"]["publications"]
    assert [one["data"]["message"] for one in found] == ["secret"]


async def test_methods_open_no_closed_topic_and_are_nothing_for_guests(ann: User, deploys: Topic) -> None:
    async with wired() as guest:
        assert len((await answer(guest, "topics.list"))["items"]) == 1
        for method in ("topics.follow", "topics.unfollow"):
            assert await refusal(guest, method, name="deploys") == 401
    await Topic.objects.filter(pk=deploys.pk).aupdate(is_open=False)
    async with wired(ann) as wire:
        assert (await answer(wire, "topics.list"))["items"] == []
        for method in ("topics.follow", "topics.unfollow"):
            for name in ("deploys", "nothing", "\0", "é"):
                assert await refusal(wire, method, name=name) == 404
            for bad in ("", "x" * 41, 7, None):
                assert await refusal(wire, method, name=bad) == 107
    assert not await Follow.objects.aexists()
    await Follow.objects.acreate(topic=deploys, user=ann)
    async with wired(ann) as wire:
        assert await refusal(wire, "topics.unfollow", name="deploys") == 403


def close(topic: Topic) -> None:
    topic.is_open = False
    topic.save()


def delete(topic: Topic) -> None:
    topic.delete()


@pytest.mark.parametrize("end", [close, delete])
async def test_client_that_subscribed_by_itself_is_sent_away_when_the_topic_is_closed_or_gone(
    ann: User, deploys: Topic, end: Callable[[Topic], None]
) -> None:
    async with wired(ann) as wire:
        assert "error" not in await wire.ask(subscribe={"channel": CHANNEL})
        await sync_to_async(end)(deploys)
        assert (await wire.pushed("unsubscribe"))["channel"] == CHANNEL


async def test_those_who_follow_stay_on_a_topic_that_is_closed_and_leave_one_that_is_deleted(
    ann: User, deploys: Topic
) -> None:
    await Follow.objects.acreate(topic=deploys, user=ann)
    session = await sync_to_async(session_cookie)(ann)
    async with open_endpoint(PATH, session=session) as endpoint, wired(ann) as wire:
        await sync_to_async(close)(deploys)
        assert await told(endpoint, deploys, "among us") == ["among us"]
        await sync_to_async(deploys.delete)()
        await followed(wanted=False)
        await wire.pushed("unsubscribe")
        await anotify(to=ann, message="the socket stays")
        assert (await endpoint.receive_json())["message"] == "the socket stays"


async def test_who_is_taken_off_a_closed_topic_gets_no_more_of_it(ann: User, deploys: Topic) -> None:
    await Topic.objects.filter(pk=deploys.pk).aupdate(is_open=False)
    row = await Follow.objects.acreate(topic=deploys, user=ann)
    async with wired(ann) as own, wired(ann) as asked:
        await asked.ask(subscribe={"channel": CHANNEL})
        await row.adelete()
        for wire in (own, asked):
            assert (await wire.pushed("unsubscribe"))["channel"] == CHANNEL


async def test_client_that_subscribed_by_itself_keeps_an_open_topic_when_its_person_leaves(
    ann: User, deploys: Topic
) -> None:
    async with wired(ann) as wire, wired(ann) as other:
        await wire.ask(subscribe={"channel": CHANNEL})
        await sync_to_async(follow)(user=ann, name="deploys")
        await other.pushed("subscribe")
        await sync_to_async(unfollow)(user=ann, name="deploys")
        await other.pushed("unsubscribe")
        assert wire.client.receives(CHANNEL)
