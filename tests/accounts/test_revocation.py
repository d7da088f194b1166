"""Rights that end while a socket is open: it ends with a code that says not to come back, and no other does."""

from collections.abc import Callable

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group
from django.test import Client
from pytest_django.fixtures import Settings

from chat.models import Room
from hub.accounts import tokens
from hub.accounts.models import AccessToken, Session
from hub.fanout import relay
from lab.harness.environment import SESSION_COOKIE
from lab.harness.waiting import await_for
from notifications import anotify
from tests.support.people import User, log_in_name
from tests.support.sockets import Endpoint, open_endpoint, session_cookie

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/ws/notifications/"
SIGNED_OUT = 4411


@pytest.fixture
def ada() -> User:
    return User.objects.create_user("ada", password="first password")


def log_out(ada: User, session: str) -> None:
    browser = Client()
    browser.cookies[SESSION_COOKIE] = session
    browser.post("/accounts/logout/")


def change_password(ada: User, session: str) -> None:
    ada.set_password("second password")
    ada.save()


def deactivate(ada: User, session: str) -> None:
    ada.is_active = False
    ada.save(update_fields=["is_active"])


def delete_account(ada: User, session: str) -> None:
    ada.delete()


def delete_session(ada: User, session: str) -> None:
    Session.objects.filter(pk=session).delete()


def revoke_tokens(ada: User, session: str) -> None:
    tokens.revoke(AccessToken.objects.filter(user=ada))


def delete_tokens(ada: User, session: str) -> None:
    AccessToken.objects.filter(user=ada).delete()


@pytest.mark.parametrize("end", [log_out, change_password, deactivate, delete_account, delete_session])
async def test_the_end_of_a_session_closes_its_sockets(ada: User, end: Callable[[User, str], None]) -> None:
    session = await sync_to_async(session_cookie)(ada)
    other = await sync_to_async(session_cookie)(await User.objects.acreate_user("eve"))
    async with open_endpoint(PATH, session=session) as endpoint, open_endpoint(PATH, session=other) as of_eve:
        await sync_to_async(end)(ada, session)
        assert await endpoint.close_code() == SIGNED_OUT
        await anotify(to="everyone", message="you are still here")
        assert (await of_eve.receive_json())["message"] == "you are still here"


@pytest.mark.parametrize("end", [revoke_tokens, delete_tokens, deactivate])
async def test_the_end_of_a_token_closes_its_sockets_only(ada: User, end: Callable[[User, str], None]) -> None:
    token = await sync_to_async(tokens.issue)(ada)
    session = await sync_to_async(session_cookie)(ada)
    async with (
        open_endpoint(PATH, headers={"authorization": f"Bearer {token}"}) as of_program,
        open_endpoint(PATH, session=session) as of_browser,
    ):
        await sync_to_async(end)(ada, session)
        assert await of_program.close_code() == SIGNED_OUT
        if end is not deactivate:
            await anotify(to=ada, message="the browser has its own session")
            assert (await of_browser.receive_json())["message"] == "the browser has its own session"


async def test_an_end_that_is_rolled_back_closes_nothing(ada: User) -> None:
    from django.db import transaction

    def almost() -> None:
        with transaction.atomic():
            deactivate(ada, "")
            transaction.set_rollback(True)

    session = await sync_to_async(session_cookie)(ada)
    async with open_endpoint(PATH, session=session) as endpoint:
        await sync_to_async(almost)()
        await anotify(to=ada, message="still logged in")
        assert (await endpoint.receive_json())["message"] == "still logged in"


async def test_what_no_signal_tells_of_is_found_by_the_round(ada: User, settings: Settings) -> None:
    settings.HUB_RECHECK_INTERVAL = 0.2
    session = await sync_to_async(session_cookie)(ada)
    async with open_endpoint(PATH, session=session) as endpoint:
        await User.objects.filter(pk=ada.pk).aupdate(is_active=False)
        assert await endpoint.close_code() == SIGNED_OUT


async def test_a_login_elsewhere_leaves_sockets_alone(ada: User) -> None:
    session = await sync_to_async(session_cookie)(ada)
    async with open_endpoint(PATH, session=session) as endpoint:
        assert await sync_to_async(Client().login)(username=log_in_name("ada"), password="first password")
        await anotify(to=ada, message="welcome twice")
        assert (await endpoint.receive_json())["message"] == "welcome twice"


async def test_alerts_of_a_group_come_while_one_is_in_it(ada: User) -> None:
    group = await Group.objects.acreate(name="on call")
    session = await sync_to_async(session_cookie)(ada)

    async def told(message: str, endpoint: Endpoint) -> list[str]:
        """What arrives up to the alert for everyone that comes after the one for the group."""
        await anotify(to=group, message=message)
        await anotify(to="everyone", message="end")
        found = [(await endpoint.receive_json())["message"]]
        while found[-1] != "end":
            found.append((await endpoint.receive_json())["message"])
        return found[:-1]

    async with open_endpoint(PATH, session=session) as endpoint:
        assert await told("before", endpoint) == []
        await ada.groups.aadd(group)
        await until_followed(f"group:{group.pk}")
        assert await told("while", endpoint) == ["while"]
        await ada.groups.aremove(group)
        await until_followed(f"group:{group.pk}", wanted=False)
        assert await told("after", endpoint) == []


async def until_followed(channel: str, *, wanted: bool = True) -> None:
    await await_for(lambda: (channel in relay.current().clients()) is wanted, that=f"following {channel} is {wanted}")


def remove_member(room: Room, ada: User) -> None:
    room.members.remove(ada)


def delete_room(room: Room, ada: User) -> None:
    room.delete()


def close_to_public(room: Room, ada: User) -> None:
    room.members.remove(ada)
    room.is_private = True
    room.save()


@pytest.mark.parametrize("end", [remove_member, delete_room, close_to_public])
async def test_the_end_of_the_right_to_a_room_closes_the_socket_in_it(
    ada: User, end: Callable[[Room, User], None]
) -> None:
    room = await Room.objects.acreate(name="lair", is_private=end is not close_to_public)
    await room.members.aadd(ada)
    session = await sync_to_async(session_cookie)(ada)
    async with (
        open_endpoint("/ws/chat/lair/", session=session) as endpoint,
        open_endpoint(PATH, session=session) as alerts,
    ):
        await sync_to_async(end)(room, ada)
        assert await endpoint.close_code() == 4404
        await anotify(to=ada, message="alerts go on")
        assert (await alerts.receive_json())["message"] == "alerts go on"


@pytest.mark.slow
async def test_a_private_room_is_not_there_for_others(ada: User, settings: Settings) -> None:
    settings.HUB_OPEN_ROOMS_BY_CONNECTING = False
    room = await Room.objects.acreate(name="lair", is_private=True)
    session = await sync_to_async(session_cookie)(ada)
    for who in (session, None):
        async with open_endpoint("/ws/chat/lair/", session=who) as endpoint:
            assert await endpoint.close_code() == 4404
    browser = Client()
    browser.cookies[SESSION_COOKIE] = session
    assert (await sync_to_async(browser.get)("/chat/lair/")).status_code == 404
    assert b"lair" not in (await sync_to_async(browser.get)("/chat/")).content
    await room.members.aadd(ada)
    assert (await sync_to_async(browser.get)("/chat/lair/")).status_code == 200
    async with open_endpoint("/ws/chat/lair/", session=session) as endpoint:
        await endpoint.send_json({"message": "among us"})
        while (frame := await endpoint.receive_json())["message"] != "among us":
            pass
        assert frame["username"] == "ada"
