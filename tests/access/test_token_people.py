"""People whom the hub learns of by their tokens: who is made, what changes, and what that costs."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import AnonymousUser
from django.db import connection, transaction
from django.test import Client, RequestFactory
from msgspec import UNSET

from hub.access import authentication, token_people
from hub.access.authentication import Authenticated
from hub.access.authorization import NotValid
from hub.access.people import upsert_people
from hub.access.person_rows import PersonRow
from hub.access.reasons import Ended
from hub.access.signed_tokens import checks
from hub.models import Publication
from hub.people.models import User
from hub.users import display_name
from lab.harness.waiting import wait_for
from tests.access.signing import signer
from tests.connection.wire import wired

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.own_user_model]

ABOUT: dict[str, Any] = {
    "name": "Ada Lovelace",
    "email": "ada@example.com",
    "language": "de",
    "zone": "Europe/Berlin",
    "groups": ["buyers"],
}


@pytest.fixture(autouse=True)
def tokens_make_people(settings: Any) -> None:
    settings.HUB_TOKEN_PUBLIC_KEY, settings.HUB_TOKEN_CREATES_USERS = signer().pem, True
    token_people.forget()


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The ids of each batch of people who were made or brought up to date."""
    batches: list[list[str]] = []

    def counted(rows: list[PersonRow], **options: Any) -> dict[str, User]:
        batches.append([row.id for row in rows])
        return upsert_people(rows, **options)

    monkeypatch.setattr(token_people, "upsert_people", counted)
    return batches


async def comes(sub: str, **claims: Any) -> Authenticated:
    """Somebody connects with a token that says this."""
    who = Authenticated(AnonymousUser(), token=signer().token(sub=sub, **claims))
    return await authentication.by_token("", who)


async def stored(sub: str) -> User:
    return await User.objects.aget(external_id=sub)


async def groups_of(user: User) -> set[str]:
    return {group.name async for group in user.groups.all()}


async def test_person_is_made_on_first_sight_with_all_that_the_token_says() -> None:
    who = await comes("c-1042", **ABOUT)
    ada = await stored("c-1042")
    assert who.user == ada
    assert (display_name(ada), ada.email, ada.language, ada.time_zone) == (
        "Ada Lovelace",
        "ada@example.com",
        "de",
        "Europe/Berlin",
    )
    assert await groups_of(ada) == {"buyers"}
    assert not ada.has_usable_password() and not ada.is_staff


async def test_next_token_brings_up_to_date_what_it_says_and_leaves_the_rest() -> None:
    await comes("c-1042", **ABOUT)
    who = await comes("c-1042", name="Ada King", groups=["testers"])
    ada = await stored("c-1042")
    assert who.user is not None and display_name(who.user) == "Ada King"
    assert (ada.name, ada.email, ada.language) == ("Ada King", "ada@example.com", "de")
    assert await groups_of(ada) == {"testers"}


async def test_new_person_has_no_connection_to_look_at_again() -> None:
    await comes("c-1042", **ABOUT)
    assert not await Publication.objects.filter(channel="control").aexists()
    await comes("c-1042", groups=["testers"])
    assert await Publication.objects.filter(channel="control").acount() == 1


@pytest.mark.slow
async def test_many_who_come_together_are_made_by_few_queries(made: list[list[str]]) -> None:
    people = await asyncio.gather(*(comes(f"c-{number}", name=f"Number {number}") for number in range(200)))
    assert len({who.user.pk for who in people if who.user is not None}) == 200
    assert len(made) <= 4
    assert await User.objects.acount() == 200


async def test_client_that_comes_back_changes_nothing(made: list[list[str]]) -> None:
    for _ in range(5):
        await comes("c-1042", **ABOUT)
    assert made == [["c-1042"]]


async def test_person_who_was_deleted_is_made_again() -> None:
    first = (await comes("c-1042")).user
    await User.objects.all().adelete()
    second = (await comes("c-1042")).user
    assert first is not None and second is not None and first.pk != second.pk


async def said_at(seconds: float, **claims: Any) -> Authenticated:
    """``c-1042`` connects with a token that was made so many seconds ago."""
    return await comes("c-1042", iat=int(time.time() - seconds), exp=int(time.time()) + 60, **claims)


async def test_newer_token_takes_back_what_was_said_between() -> None:
    for seconds, groups in ((30, ["buyers"]), (20, ["buyers", "moderators"]), (10, ["buyers"])):
        await said_at(seconds, groups=groups, name=f"Ada {groups}")
    assert await groups_of(await stored("c-1042")) == {"buyers"}
    assert (await stored("c-1042")).name == "Ada ['buyers']"


@pytest.mark.parametrize("is_another_process", [False, True])
async def test_older_token_brings_nothing_back(is_another_process: bool) -> None:
    await said_at(30, groups=["buyers", "moderators"], name="Moderator")
    await said_at(10, groups=["buyers"], name="Ada")
    if is_another_process:
        token_people.forget()
    for seconds in (30, 20):
        who = await said_at(seconds, groups=["buyers", "moderators"], name="Moderator")
        assert who.user == await stored("c-1042")
    assert await groups_of(await stored("c-1042")) == {"buyers"}
    assert (await stored("c-1042")).name == "Ada"


@contextmanager
def another_process_sees(person: token_people.TokenPerson) -> Iterator[None]:
    """While the block runs, as far as it gets before the database makes it wait; it has ended after the block."""
    faults: list[Exception] = []

    def make() -> None:
        try:
            token_people.make_now(person)
        except Exception as fault:  # noqa: BLE001  # a thread's own is told to nobody
            faults.append(fault)
        finally:
            connection.close()

    thread = threading.Thread(target=make)
    with transaction.atomic():
        yield
        thread.start()
        wait_for(lambda: _waits_for_us() or not thread.is_alive(), that="the other process waits")
    thread.join(30)
    assert not thread.is_alive() and not faults


def _waits_for_us() -> bool:
    if connection.vendor == "sqlite":
        return True  # it waits at its beginning, so nothing of it can come between
    with connection.cursor() as cursor:
        # Not in pg_stat_activity: within a transaction it goes on to list the processes of its first look.
        cursor.execute("SELECT 1 FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))")
        return cursor.fetchone() is not None


@pytest.mark.parametrize("is_newer_first", [True, False])
def test_newest_token_counts_of_two_that_make_the_person_at_once(is_newer_first: bool) -> None:
    old, new = (
        token_people.TokenPerson("c-1042", made, name, UNSET, UNSET, UNSET, groups)
        for made, name, groups in ((10.0, "Moderator", ("buyers", "moderators")), (20.0, "Ada", ("buyers",)))
    )
    first, second = (new, old) if is_newer_first else (old, new)
    with another_process_sees(second):
        token_people.make_now(first)
    ada = User.objects.get()
    assert (ada.name, ada.token_made) == ("Ada", 20)
    assert list(ada.groups.values_list("name", flat=True)) == ["buyers"]


async def test_newer_token_that_says_the_same_makes_those_between_old() -> None:
    await said_at(30, groups=["buyers"])
    await said_at(10, groups=["buyers"])
    token_people.forget()
    await said_at(20, groups=["moderators"])
    assert await groups_of(await stored("c-1042")) == {"buyers"}


async def test_token_that_was_taken_does_not_undo_what_the_product_said_otherwise() -> None:
    await said_at(10, **ABOUT)
    await sync_to_async(upsert_people)([PersonRow(id="c-1042", groups=[], name="Ada King")])
    token_people.forget()
    await said_at(10, **ABOUT)
    await said_at(5, **ABOUT)
    assert await groups_of(await stored("c-1042")) == set()
    assert (await stored("c-1042")).name == "Ada King"


async def test_token_that_does_not_say_when_it_was_made_is_older_than_any_that_does() -> None:
    for name in ("Ada", "Ada King"):
        await comes("c-1042", iat=None, name=name)
        assert (await stored("c-1042")).name == name
    await said_at(10, name="Lady Ada")
    await comes("c-1042", iat=None, name="Ada")
    assert (await stored("c-1042")).name == "Lady Ada"


async def test_newest_of_the_tokens_that_come_together_counts() -> None:
    await asyncio.gather(said_at(10, name="Ada"), said_at(30, name="Older"), said_at(20, name="Old"))
    assert (await stored("c-1042")).name == "Ada"


async def test_refresh_of_an_open_connection_sets_what_its_token_says() -> None:
    person = (await said_at(30, groups=["buyers", "moderators"], name="Moderator")).user
    async with wired(cast(Any, person)) as wire:
        token = signer().token(sub="c-1042", groups=["buyers"], name="Ada")
        assert "ttl" in (await wire.ask(refresh={"token": token}))["refresh"]
        assert await groups_of(await stored("c-1042")) == {"buyers"}
        assert (await stored("c-1042")).name == "Ada"
        await wire.client.receive(
            json.dumps({"id": 3, "refresh": {"token": signer().token(sub="c-1042", zone="Mars")}})
        )
        assert wire.closed == 3500


async def test_two_tokens_of_one_person_at_the_same_time_make_one() -> None:
    people = await asyncio.gather(*(comes("c-1042", name=name) for name in ("Ada", "Ada King", "Ada", "Lady Ada")))
    assert len({who.user.pk for who in people if who.user is not None}) == 1
    assert await User.objects.acount() == 1


async def test_closed_account_stays_closed() -> None:
    await comes("c-1042")
    await User.objects.aupdate(is_active=False)
    for name in ("Ada", "Ada King"):
        with pytest.raises(Ended):
            await comes("c-1042", name=name, active=True, is_active=True)
    assert not (await stored("c-1042")).is_active


async def test_token_changes_nobody_who_logs_in_to_the_hub_itself() -> None:
    admin = await sync_to_async(User.objects.create_superuser)("admin", "admin@example.com", "a password of tests")
    who = await comes(str(admin.pk), name="Mallory", email="mallory@example.com", groups=[])
    assert who.user == admin
    await admin.arefresh_from_db()
    assert (admin.email, display_name(admin)) == ("admin@example.com", "admin")
    with pytest.raises(Ended):
        await comes("9" + "0" * 14 + "7", name="Mallory")  # of the form of a key, and of nobody


async def test_token_changes_nothing_of_staff_whom_the_product_knows() -> None:
    boss = await sync_to_async(User.objects.create_user)("boss", "boss@example.com", external_id="b", is_staff=True)
    who = await comes("b", name="Mallory", email="mallory@example.com", groups=["buyers"])
    await boss.arefresh_from_db()
    assert (who.user, boss.email, boss.name) == (boss, "boss@example.com", "")
    assert await groups_of(boss) == set()


async def test_token_makes_nobody_without_the_setting(settings: Any) -> None:
    settings.HUB_TOKEN_CREATES_USERS = False
    with pytest.raises(Ended):
        await comes("c-1042", **ABOUT)
    assert not await User.objects.aexists()


async def test_token_of_a_channel_and_of_a_guest_make_nobody() -> None:
    with pytest.raises(Ended):
        await comes("c-1042", channel="everyone")
    assert (await comes("")).user == AnonymousUser()
    assert not await User.objects.aexists()


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"name": 7}, "$.name"),
        ({"name": "x" * 151}, "name: "),
        ({"name": "Ada\0"}, "name: "),
        ({"name": "Ada \ud83d"}, "name: "),
        ({"email": "ada"}, "email: "),
        ({"email": ["ada@example.com"]}, "$.email"),
        ({"language": "x" * 17}, "language: "),
        ({"zone": "../etc/passwd"}, "zone: "),
        ({"groups": "buyers"}, "$.groups"),
        ({"groups": "\ud83d"}, "half a character"),
        ({"groups": [7]}, "$.groups"),
        ({"groups": [""]}, "groups: "),
        ({"groups": ["x"] * 51}, "groups: "),
    ],
)
async def test_what_cannot_be_stored_is_refused_with_its_reason_and_harms_nobody_else(
    claims: dict[str, Any], reason: str, made: list[list[str]], caplog: pytest.LogCaptureFixture
) -> None:
    refused, let_in = await asyncio.gather(comes("c-1", **claims), comes("c-2", name="Bob"), return_exceptions=True)
    assert isinstance(refused, Ended) and isinstance(let_in, Authenticated)
    (line,) = [line for record in caplog.records if "credential_refused" in (line := record.getMessage())]
    assert reason in line
    assert made == [["c-2"]]


async def test_wrong_claims_about_a_person_do_not_matter_without_the_setting(settings: Any) -> None:
    settings.HUB_TOKEN_CREATES_USERS = False
    await User.objects.acreate(external_id="c-1042")
    assert (await comes("c-1042", name=7, groups="all", email=None)).user == await stored("c-1042")


def test_request_over_http_makes_the_person_too() -> None:
    token = signer().token(sub="c-1042", **ABOUT)
    request = RequestFactory().get("/", headers={"Authorization": f"Bearer {token}"})
    assert authentication.by_request(request) == User.objects.get(external_id="c-1042")
    token = signer().token(sub="c-1043", zone="Mars")
    request = RequestFactory().get("/", headers={"Authorization": f"Bearer {token}"})
    with pytest.raises(NotValid):
        authentication.by_request(request)


@pytest.mark.parametrize("path", ["/admin/", "/api/docs", "/accounts/tokens/", "/notifications/"])
def test_token_of_an_administrator_opens_no_page(client: Client, settings: Any, path: str) -> None:
    settings.HUB_API_DOCS, settings.HUB_GUESTS = "staff", False
    admin = User.objects.create_superuser("admin", "admin@example.com", "a password of tests")
    token = signer().token(sub=str(admin.pk))
    bearer = {"Authorization": f"Bearer {token}"}
    assert authentication.by_request(RequestFactory().get("/", headers=bearer)) == admin
    client.force_login(admin)
    assert client.get(path).status_code == 200
    client.logout()
    for said in (client.get(path, headers=bearer), client.get(path, {"token": token})):
        assert said.status_code in {302, 401, 403}
    assert "sessionid" not in client.cookies or not client.cookies["sessionid"].value


def test_check_refuses_the_setting_where_it_makes_nobody(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks.keys_of_signed_tokens_work(None) == []
    settings.HUB_USER_ID = "external_id"
    assert [message.id for message in checks.keys_of_signed_tokens_work(None)] == ["hub.E053"]
    settings.HUB_USER_ID, settings.HUB_TOKEN_PUBLIC_KEY = "", ""
    assert [message.id for message in checks.keys_of_signed_tokens_work(None)] == ["hub.E054"]
