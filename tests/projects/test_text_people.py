"""People whose keys are texts, of a model that has nothing but what the hub asks for."""

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.test import Client

from chat.actions import post_message
from chat.models import Message, Room
from hub import privacy
from hub.access import authentication
from hub.testing import capture_publications, drain_jobs
from hub.users import User, display_name, user_id, users_by_id
from hub.users.checks import user_model_works
from hub.users.groups import is_member
from notifications import MEMBERS, Action, action, channels, names_in_texts, notify
from notifications.action_choices import MayNotChoose, choose
from notifications.inbox import organizing, queries
from notifications.models import Topic
from notifications.offers import declaring
from notifications.sending import actions
from tests.connection.wire import wired
from tests.support import people

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        settings.AUTH_USER_MODEL != "text_people.Member",
        reason="needs --ds tests.projects.text_people.settings (make users-others)",
    ),
]


@pytest.fixture
def ada() -> User:
    return people.User.objects.create_user("ada")


def test_check_says_what_goes_without() -> None:
    assert [message.id for message in user_model_works(None)] == ["hub.W020", "hub.W022", "hub.W023"]


def test_person_is_called_by_the_text(ada: User) -> None:
    assert user_id(ada) == "m-ada"
    assert users_by_id(["m-ada", "M-ADA", "", "m ada", "ada"]) == {"m-ada": ada}


def test_alerts_are_counted_read_and_sent_once(ada: User) -> None:
    for to in (ada, "user:m-ada", "everyone"):
        notify(to=to, message="hello", key="k")
    assert queries.unread_count(ada) == 2
    assert organizing.mark_all_read(user=ada, upto=2**31).unread == 0


def test_who_has_no_permissions_may_choose_nothing_that_asks_for_one(
    ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(declaring, "_registered", {})
    action("guarded", permission="hub_notifications.add_notification")(lambda chosen: None)
    (row,) = notify(to=ada, message="m", actions=[Action("guarded", "Do it")])
    with pytest.raises(MayNotChoose):
        choose(user=ada, notification_id=row.pk, name="guarded")


def test_person_without_groups_follows_topics(ada: User) -> None:
    topic = Topic.objects.create(name="deploys", title="Deploys")
    topic.follows.create(user=ada)
    assert channels.followed_by(ada) == ["everyone", "user:m-ada", "topic:deploys"]
    assert not is_member(ada.pk, 1)
    assert not actions.may_broadcast(ada, fresh=True)


async def test_members_of_a_private_room_write_in_it(ada: User) -> None:
    room = await Room.objects.acreate(name="board", is_private=True)
    await room.members.aadd(ada)
    async with wired(ada) as wire:
        assert "error" not in await wire.ask(subscribe={"channel": f"room:{room.pk}"})
        await sync_to_async(post_message)(room_id=room.pk, author_id=ada.pk, text="hello")
        assert (await wire.pushed("pub"))["pub"]["data"]["username"] == "ada"
        there = await wire.ask(presence={"channel": f"room:{room.pk}"})
        assert [client["user"] for client in there["presence"]["presence"].values()] == ["m-ada"]


async def test_long_name_is_cut_and_a_mail_address_is_none() -> None:
    make = sync_to_async(people.User.objects.create_user)
    long, nameless = await make("long", nickname="L" * 300), await make("nameless", nickname="")
    assert (display_name(long), display_name(nameless)) == ("L" * 150, "#m-nameless")
    room = await Room.objects.acreate(name="lobby")
    await sync_to_async(post_message)(room_id=room.pk, author_id=long.pk, text="hello")
    assert (await Message.objects.aget()).username == "L" * 150


def test_key_to_log_in_with_is_found_in_texts(ada: User) -> None:
    is_named = names_in_texts.names(ada)
    assert [is_named(text) for text in ("Dear m-ada,", "'m-ada'", "m-adam", "xm-ada", "m-ada.x")] == [True] * 2 + [
        False
    ] * 3


#: Keys that are no ids: what looks like a channel, a path, an address, another id, a format, SQL or nothing.
NO_IDS = [
    "user:m-bob",
    "topic:deploys",
    "../a?b#c/",
    "203.0.113.7",
    "m-bob.x",
    " m-bob ",
    "100%s %(user)s {users}",
    """'"\\;--""",
    "ü\u202e\U0001f600\n\x7f",
    "x" * 255,
]


@pytest.mark.parametrize("key", NO_IDS)
def test_person_whose_id_no_channel_can_have_keeps_nothing_from_others(
    key: str,
) -> None:
    odd, bob = people.User.objects.create_user("odd", code=key), people.User.objects.create_user("bob")
    topic = Topic.objects.create(name="deploys", title="Deploys")
    for person in (odd, bob):
        topic.follows.create(user=person)
    with capture_publications() as published:
        for to in (odd, f"user:{key}", [odd, bob], MEMBERS, topic, "everyone"):
            notify(to=to, message="hello")
        notify(to=[odd, bob, *["everyone"] * 2], message="hello", key="k")
        drain_jobs()
    assert (queries.unread_count(odd), queries.unread_count(bob)) == (7, 5)
    assert {one.channel for one in published} == {"user:m-bob", "topic:deploys", "everyone"}
    assert organizing.mark_all_read(user=odd, upto=2**31).unread == 0
    privacy.erase(odd, account=True)
    assert list(people.User.objects.all()) == [bob]
    assert queries.unread_count(bob) == 5


def test_person_whose_id_no_channel_can_have_has_pages_and_writes() -> None:
    odd = people.User.objects.create_user("odd", code=NO_IDS[0])
    room = Room.objects.create(name="board", is_private=True)
    room.members.add(odd)
    notify(to=odd, message="hello")
    post_message(room_id=room.pk, author_id=odd.pk, text="hello")
    page = Client()
    page.force_login(odd)
    for address in ("/", "/notifications/", "/notifications/preferences/", "/jobs/", room.get_absolute_url()):
        assert page.get(address).status_code == 200
    told = privacy.export(odd)
    assert (told["id"], len(told["alerts"]["received"]), len(told["chat"]["messages"])) == (odd.pk, 1, 1)


@pytest.mark.parametrize("key", NO_IDS)
async def test_person_whose_id_no_channel_can_have_is_a_guest_on_sockets(
    key: str, caplog: pytest.LogCaptureFixture
) -> None:
    def log_in(person: User) -> bytes:
        browser = Client()
        browser.force_login(person)
        return f"{settings.SESSION_COOKIE_NAME}={browser.cookies[settings.SESSION_COOKIE_NAME].value}".encode()

    make = sync_to_async(people.User.objects.create_user)
    for person, is_known in ((await make("odd", code=key), False), (await make("bob"), True)):
        scope = {"headers": [(b"cookie", await sync_to_async(log_in)(person))], "type": "websocket"}
        assert (await authentication.authenticate(scope)).user == (person if is_known else AnonymousUser())
    assert caplog.text.count("session of somebody whose id no channel can have") == 1
