"""How many alerts to everyone one user sends from clients, and how often one changes what one follows."""

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import AnonymousUser
from django.test import Client
from pytest_django.fixtures import Settings

from hub.limits import TooMany
from notifications import following, notify
from notifications.models import Follow, Notification, Topic
from notifications.sending import actions
from tests.connection.wire import wired
from tests.support.people import User
from tests.support.sockets import open_endpoint, session_cookie

pytestmark = pytest.mark.django_db(transaction=True)

SENTENCE = "You have sent many notifications to everyone. Try again in "


@pytest.fixture(autouse=True)
def few(settings: Settings) -> None:
    settings.HUB_LIMIT_BROADCASTS = "2/hour"
    settings.HUB_LIMIT_FOLLOWS = "3/hour"
    settings.HUB_CLIENT_BROADCAST = "anyone"


@pytest.fixture
def ada() -> User:
    return User.objects.create_user("ada")


async def test_broadcasts_are_refused_on_every_way_in(ada: User) -> None:
    for number in range(2):
        await sync_to_async(actions.broadcast_from_client)(user=ada, message=str(number))
    session = await sync_to_async(session_cookie)(ada)
    async with open_endpoint("/ws/notifications/", session=session, headers={"accept-language": "en"}) as endpoint:
        await endpoint.send_json({"message": "too much"})
        frame = await endpoint.receive_json()
        assert (frame["code"], frame["message"].startswith(SENTENCE)) == ("limit_reached", True)
        assert 0 < frame["retry_after"] <= 3600
    async with wired(ada) as wire:
        reply = await wire.ask(rpc={"method": "alerts.broadcast", "data": {"message": "too much"}})
        assert (reply["error"]["code"], reply["error"]["message"].startswith(SENTENCE)) == (429, True)
        assert 0 < reply["error"]["retry_after"] <= 3600
    assert await Notification.objects.acount() == 2


def test_repeat_of_a_broadcast_counts_for_nothing(ada: User) -> None:
    for _ in range(5):
        actions.broadcast_from_client(user=ada, message="x", key="one")
    actions.broadcast_from_client(user=ada, message="y", key="two")
    with pytest.raises(TooMany):
        actions.broadcast_from_client(user=ada, message="z", key="three")


def test_guests_count_as_one_and_nobody_else(ada: User) -> None:
    for _ in range(2):
        actions.broadcast_from_client(user=AnonymousUser(), message="x")
    with pytest.raises(TooMany):
        actions.broadcast_from_client(user=AnonymousUser(), message="x")
    actions.broadcast_from_client(user=ada, message="x")


def test_what_the_product_sends_is_not_counted(ada: User) -> None:
    for _ in range(5):
        notify(to="everyone", message="x")


async def test_following_is_refused_on_every_way_in(ada: User, client: Client) -> None:
    topic = await Topic.objects.acreate(name="news", title="News")
    for change in (following.follow, following.unfollow, following.follow, following.follow):
        await sync_to_async(change)(user=ada, name="news")  # the last one changes nothing
    await sync_to_async(client.force_login)(ada)
    response = await sync_to_async(client.post)("/topics/news/unfollow/")
    assert (response.status_code, "You have followed and left many topics." in response.content.decode()) == (
        429,
        True,
    )
    assert 0 < int(response.headers["Retry-After"]) <= 3600
    async with wired(ada) as wire:
        reply = await wire.ask(rpc={"method": "topics.unfollow", "data": {"name": "news"}})
        assert (reply["error"]["code"], reply["error"]["retry_after"] > 0) == (429, True)
    assert await Follow.objects.filter(topic=topic).aexists()
