"""Nobody pays for what another one sends: ids that no row can have, and rows that the database does not take."""

import asyncio
import logging
from collections.abc import Iterable
from typing import Any

import psycopg
import pytest
from django.db import DataError, OperationalError, connection
from django.test import Client as Browser

from chat import posting, queries
from chat.actions import Draft
from chat.models import Message, Room
from hub.access import revalidation
from hub.access.reasons import End
from hub.channels import LAST_ID, Namespace, UnknownChannel, find
from hub.concurrency import faults, node
from hub.concurrency.batcher import Batcher
from hub.database.threads import in_database_thread
from hub.endpoints.centrifuge import refusals
from hub.logs.rare_log import RareLog
from hub.models import Publication
from hub.session import rule_revalidation
from hub.users import Visitor
from lab.harness.waiting import await_for
from tests.connection.wire import Wire, wired
from tests.support.namespaces import declare
from tests.support.people import User

#: The smallest number that is no id, one of 23 digits, and one as long as a name of a channel may be.
TOO_BIG = [str(LAST_ID + 1), "9" * 23, "9" * 64]


# --- ids ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", TOO_BIG)
@pytest.mark.parametrize("namespace", ["room", "group"])
def test_an_id_that_no_row_can_have_is_no_channel(namespace: str, number: str) -> None:
    with pytest.raises(UnknownChannel, match="no id of its namespace"):
        find(f"{namespace}:{number}")


def test_the_largest_id_is_a_channel() -> None:
    assert find(f"room:{LAST_ID}")[1] == {"id": LAST_ID}


def test_numbers_of_any_converter_are_held_to_what_a_row_can_have(monkeypatch: pytest.MonkeyPatch) -> None:
    declare(monkeypatch, Namespace("order", pattern="<slug:shop>-<int:number>"))
    assert find("order:shoes-7")[1] == {"shop": "shoes", "number": 7}
    with pytest.raises(UnknownChannel):
        find(f"order:shoes-{'9' * 20}")


def test_ids_that_are_texts_may_be_long_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    declare(monkeypatch, Namespace("news"))
    assert find(f"news:{'9' * 64}")[1] == {"id": "9" * 64}


COMMANDS: list[dict[str, Any]] = [
    {"subscribe": {}},
    {"publish": {"data": {"message": "x"}}},
    {"presence": {}},
    {"presence_stats": {}},
    {"history": {"limit": 1}},
]


@pytest.mark.whole_table
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: next(iter(command)))
@pytest.mark.parametrize("namespace", ["room", "group"])
async def test_every_command_is_answered_that_there_is_no_such_channel(
    command: dict[str, Any], namespace: str, caplog: pytest.LogCaptureFixture
) -> None:
    ((name, fields),) = command.items()
    async with wired() as wire:
        caplog.clear()
        asked: dict[str, Any] = {name: {**fields, "channel": f"{namespace}:{'9' * 23}"}}
        reply = await wire.ask(**asked)
        assert reply["error"]["code"] == 102
    await node.close()
    assert "Traceback" not in caplog.text


@pytest.mark.whole_table
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("method", ["chat.messages", "chat.post", "chat.typing", "chat.people"])
async def test_a_method_of_rooms_refuses_such_an_id(method: str, caplog: pytest.LogCaptureFixture) -> None:
    async with wired() as wire:
        reply = await wire.ask(rpc={"method": method, "data": {"room": int("9" * 23), "text": "x"}})
        assert reply["error"]["code"] == 107
    await node.close()
    assert "Traceback" not in caplog.text


PAGES = [
    "/admin/hub_chat/room/{big}/change/",
    "/admin/hub_chat/room/?id__in={big}",
    "/admin/hub_chat/message/?room={big}",
    "/admin/hub_people/user/?pk__in=1,{big}",
    "/notifications/items/?before={big}",
    "/chat/kitchen/messages/?limit={big}",
]
FORMS: list[tuple[str, dict[str, list[str]]]] = [
    ("/accounts/tokens/{big}/revoke/", {}),
    ("/admin/hub_chat/room/", {"action": ["delete_selected"], "_selected_action": ["{big}"]}),
    ("/admin/hub_chat/room/add/", {"name": ["hall"], "members": ["{big}"]}),
    ("/admin/hub_notifications/follow/add/", {"topic": ["{big}"], "user": ["{big}"]}),
]


@pytest.mark.slow
@pytest.mark.django_db
@pytest.mark.parametrize("big", TOO_BIG)
def test_no_page_fails_at_such_an_id(admin_client: Browser, big: str, caplog: pytest.LogCaptureFixture) -> None:
    Room.objects.create(name="kitchen")
    admin_client.raise_request_exception = False
    for page in PAGES:
        assert admin_client.get(page.format(big=big)).status_code < 500, page
    for page, form in FORMS:
        filled = {name: [value.format(big=big) for value in values] for name, values in form.items()}
        assert admin_client.post(page.format(big=big), filled).status_code < 500, page
    assert not [record for record in caplog.records if record.exc_info]


# --- batches --------------------------------------------------------------------------------------------------------


class Choosy:
    """Loads keys, but none of ``refused``; counts what it was asked for."""

    def __init__(self, refused: Iterable[str], error: type[Exception] = DataError) -> None:
        self.refused, self.error = set(refused), error
        self.asked: list[list[str]] = []

    async def __call__(self, keys: list[str]) -> dict[str, str]:
        self.asked.append(keys)
        await asyncio.sleep(0)
        if self.refused & set(keys):
            raise self.error
        return {key: key.upper() for key in keys}


async def test_keys_that_cannot_be_loaded_fail_alone_and_cost_few_loads() -> None:
    good, bad = [f"g{number}" for number in range(42)], [f"b{number}" for number in range(5)]
    choosy = Choosy(bad)
    batcher = Batcher(choosy)
    mixed = [key for pair in zip(good, [*bad, *good], strict=False) for key in pair if key in good or key in bad]
    keys = list(dict.fromkeys([*mixed, *good, *bad]))
    results = await asyncio.gather(*map(batcher.get, keys), return_exceptions=True)
    assert {key for key, result in zip(keys, results, strict=True) if isinstance(result, DataError)} == set(bad)
    assert [result for result in results if isinstance(result, str)] == [key.upper() for key in keys if key in good]
    assert len(choosy.asked) <= 1 + 2 * len(bad) * 6


async def test_keys_keep_their_order_when_a_batch_is_tried_again() -> None:
    choosy = Choosy("c")
    await asyncio.gather(*map(Batcher(choosy).get, "abcdef"), return_exceptions=True)
    loaded = [key for keys in choosy.asked for key in keys if not choosy.refused & set(keys)]
    assert loaded == list("abdef")


@pytest.mark.parametrize(
    ("cause", "everybodys"),
    [
        (psycopg.errors.ProgramLimitExceeded, False),
        (psycopg.errors.LockNotAvailable, False),
        (psycopg.errors.AdminShutdown, True),
        (psycopg.errors.TooManyConnections, True),
        (psycopg.errors.DiskFull, True),
        (psycopg.OperationalError, True),
    ],
)
def test_state_of_postgresql_tells_whose_an_error_is(cause: type[Exception], everybodys: bool) -> None:
    error = OperationalError("x")
    error.__cause__ = cause("x")
    assert faults.is_everybodys(error) is everybodys


@pytest.mark.parametrize("error", [OperationalError, ConnectionError, TimeoutError])
async def test_a_database_that_is_away_is_asked_once_for_all(error: type[Exception]) -> None:
    choosy = Choosy("a", error)
    results = await asyncio.gather(*map(Batcher(choosy).get, "abcdef"), return_exceptions=True)
    assert all(isinstance(result, error) for result in results)
    assert len(choosy.asked) == 1


async def test_a_key_that_the_answer_lacks_fails_alone_and_nothing_is_loaded_again() -> None:
    asked: list[list[str]] = []

    async def load(keys: list[str]) -> dict[str, str]:
        asked.append(keys)
        return {key: key for key in keys if key != "b"}

    results = await asyncio.gather(*map(Batcher(load).get, "abc"), return_exceptions=True)
    assert [type(result) for result in results] == [str, KeyError, str]
    assert len(asked) == 1


# --- with the database ----------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
async def test_a_number_that_the_database_cannot_hold_is_an_error_of_the_database() -> None:
    with pytest.raises(DataError):
        await in_database_thread(_insert, LAST_ID + 1)


def _insert(number: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO hub_stream (channel, epoch, head) VALUES ('x', '', %s)", [number])


def _refuse(text: str) -> None:
    """Have the database refuse a message of this text."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(
                f"CREATE TRIGGER refusing BEFORE INSERT ON hub_chat_message WHEN NEW.text = '{text}' "
                "BEGIN SELECT zeroblob(3000000000); END"
            )
        else:
            cursor.execute(
                "CREATE FUNCTION refusing() RETURNS trigger LANGUAGE plpgsql AS "
                f"$$ BEGIN IF NEW.text = '{text}' THEN PERFORM 1 / 0; END IF; RETURN NEW; END $$"
            )
            cursor.execute(
                "CREATE TRIGGER refusing BEFORE INSERT ON hub_chat_message FOR EACH ROW EXECUTE FUNCTION refusing()"
            )


def _allow() -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("DROP TRIGGER refusing")
        else:
            cursor.execute("DROP FUNCTION refusing CASCADE")


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
async def test_a_message_that_the_database_refuses_costs_no_other_and_none_is_stored_twice() -> None:
    room = await Room.objects.acreate(name="kitchen")
    ann = await User.objects.acreate_user("ann")
    await in_database_thread(_refuse, "bad")
    try:
        drafts = [Draft(room.pk, ann.pk, "bad" if number % 7 == 3 else f"text {number}") for number in range(40)]
        results = await asyncio.gather(*map(posting.post, drafts), return_exceptions=True)
    finally:
        await in_database_thread(_allow)
    good = [draft.text for draft in drafts if draft.text != "bad"]
    assert [isinstance(result, Message) for result in results] == [draft.text != "bad" for draft in drafts]
    assert [message.text async for message in Message.objects.order_by("pk")] == good
    published = [row.data async for row in Publication.objects.filter(channel=f"room:{room.pk}").order_by("offset")]
    assert len(published) == len(good)
    assert all(f'"text":"{text}"' in data for text, data in zip(good, published, strict=True))


@pytest.mark.django_db(transaction=True)
async def test_what_fails_after_the_commit_makes_no_message_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    def announce(items: object) -> None:
        raise ValueError("the announcer has a bug")

    monkeypatch.setattr("hub.publishing.verbs.announce", announce)
    room = await Room.objects.acreate(name="kitchen")
    ann = await User.objects.acreate_user("ann")
    drafts = [Draft(room.pk, ann.pk, str(number)) for number in range(10)]
    results = await asyncio.gather(*map(posting.post, drafts))
    assert all(isinstance(result, Message) for result in results)
    assert await Message.objects.acount() == 10


@pytest.fixture
def hostile_rooms(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """Numbers of rooms that the database refuses to look for, as SQLite did those that it cannot hold."""
    refused: set[int] = set()
    ask = queries.may_be_in_rooms

    def may_be_in_rooms(asked: Any) -> Any:
        if refused & {room_id for room_id, _ in asked}:
            raise OverflowError("Python int too large to convert to SQLite INTEGER")
        return ask(asked)

    monkeypatch.setattr(queries, "may_be_in_rooms", may_be_in_rooms)
    return refused


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
async def test_hostile_guests_keep_nobody_from_subscribing_and_the_log_stays_small(
    hostile_rooms: set[int], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "_rare_log", RareLog(refusals.log, seconds=600))
    room = await Room.objects.acreate(name="kitchen")
    hostile_rooms |= {10**9 + number for number in range(5)}
    wires = [Wire() for _ in range(47)]
    await asyncio.gather(*(wire.client.receive('{"id":1,"connect":{}}') for wire in wires))
    caplog.clear()
    hostile, others = wires[:5], wires[5:]
    for _ in range(5):
        asking = [*zip(hostile, hostile_rooms, strict=True), *((wire, room.pk) for wire in others)]
        replies = await asyncio.gather(*(wire.ask(subscribe={"channel": f"room:{one}"}) for wire, one in asking))
        assert ["error" in reply for reply in replies] == [True] * 5 + [False] * 42
        assert [reply["error"]["code"] for reply in replies[:5]] == [100] * 5
        await asyncio.gather(*(wire.ask(unsubscribe={"channel": f"room:{room.pk}"}) for wire in others))
    (line,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert not line.exc_info
    assert len(line.getMessage()) < 400
    for wire in wires:
        await wire.disconnected()


async def looked_at_in_vain() -> None:
    """Somebody's permissions could not be read, so they are read again later."""
    await await_for(lambda: revalidation.current()._failed, that="a look that failed")


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
async def test_a_member_who_is_removed_is_out_in_time_beside_one_who_cannot_be_looked_at(
    hostile_rooms: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revalidation, "RETRY", 30.0)
    private, other = [await Room.objects.acreate(name=name, is_private=True) for name in ("private", "other")]
    ann, eve = [await User.objects.acreate_user(name) for name in ("ann", "eve")]
    await private.members.aadd(ann, eve)
    await other.members.aadd(eve)
    async with wired(ann) as member, wired(eve) as hostile:
        for wire, room in ((member, private), (hostile, other), (hostile, private)):
            assert "error" not in await wire.ask(subscribe={"channel": f"room:{room.pk}"})
        # The one place of hers can no longer be asked about: she is looked at in vain, again and again.
        hostile_rooms.add(other.pk)
        revalidation.current()._schedule(revalidation.EVERYBODY)
        await looked_at_in_vain()
        await private.members.aremove(ann)
        assert (await member.pushed("unsubscribe"))["channel"] == f"room:{private.pk}"
        await private.members.aremove(eve)
        assert (await hostile.pushed("unsubscribe"))["channel"] == f"room:{private.pk}"
        assert hostile.client.receives(f"room:{other.pk}")


class SlowRule:
    """A rule that answers when it is told to."""

    def __init__(self) -> None:
        self.answers = asyncio.Event()
        self.answer = True
        self.asked = 0
        self.answers.set()

    async def __call__(self, user: Visitor, **_: Any) -> bool:
        self.asked += 1
        await self.answers.wait()
        return self.answer

    def hang(self) -> None:
        self.asked = 0
        self.answers.clear()


@pytest.fixture
def slow_rule(monkeypatch: pytest.MonkeyPatch) -> SlowRule:
    monkeypatch.setattr(revalidation, "RETRY", 0.01)
    rule = SlowRule()

    async def ask(user: Visitor, **arguments: Any) -> bool:
        return await rule(user, **arguments)

    declare(monkeypatch, Namespace("slow", can_subscribe=ask))
    return rule


@pytest.mark.django_db(transaction=True)
async def test_rule_that_does_not_answer_holds_up_no_other_of_that_person_or_of_others(
    slow_rule: SlowRule, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rule_revalidation, "TIMEOUT", 0.05)
    rooms = [await Room.objects.acreate(name=name, is_private=True) for name in ("first", "second")]
    ann, eve = [await User.objects.acreate(username=name) for name in ("ann", "eve")]
    for room in rooms:
        await room.members.aadd(ann, eve)
    async with wired(ann) as member, wired(eve) as other:
        assert "error" not in await other.ask(subscribe={"channel": "slow:1"})
        for wire in (member, other):
            for room in rooms:
                assert "error" not in await wire.ask(subscribe={"channel": f"room:{room.pk}"})
        slow_rule.hang()
        for number, room in enumerate(rooms, 1):
            await room.members.aremove(eve, ann)
            for wire in (other, member):
                assert (await wire.pushed("unsubscribe", number))["channel"] == f"room:{room.pk}"
        assert slow_rule.asked == 1, "one call at a time"
        assert other.client.receives("slow:1")
        slow_rule.answers.set()
        await await_for(lambda: slow_rule.asked >= 2, that="it is asked again, about what has changed meanwhile")
        assert other.client.receives("slow:1")


@pytest.mark.django_db(transaction=True)
async def test_rule_that_says_no_late_is_heard(slow_rule: SlowRule, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rule_revalidation, "TIMEOUT", 0.05)
    async with wired(await User.objects.acreate(username="eve")) as wire:
        assert "error" not in await wire.ask(subscribe={"channel": "slow:1"})
        slow_rule.hang()
        slow_rule.answer = False
        revalidation.current()._schedule(revalidation.EVERYBODY)
        await await_for(lambda: slow_rule.asked, that="the rule is asked")
        await await_for(lambda: len(revalidation.current().checks._tasks) == 1, that="nobody waits for it")
        slow_rule.answers.set()
        assert (await wire.pushed("unsubscribe"))["channel"] == "slow:1"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_late", [False, True])
async def test_rule_that_ends_with_what_it_waited_for_holds_up_no_other_and_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, is_late: bool
) -> None:
    monkeypatch.setattr(revalidation, "RETRY", 0.01)
    monkeypatch.setattr(rule_revalidation, "TIMEOUT", 0.05)
    answers, cancelled, allowed = asyncio.Event(), list[asyncio.Future[None]](), [True]
    answers.set()

    async def ask(user: Visitor, **_: Any) -> bool:
        waited_for = list(cancelled)
        await answers.wait()
        for one in waited_for:
            await one
        return allowed[0]

    declare(monkeypatch, Namespace("cut", can_subscribe=ask))
    room = await Room.objects.acreate(name="private", is_private=True)
    eve = await User.objects.acreate(username="eve")
    await room.members.aadd(eve)
    async with wired(eve) as wire:
        for channel in ("cut:1", f"room:{room.pk}"):
            assert "error" not in await wire.ask(subscribe={"channel": channel})
        cancelled.append(asyncio.get_running_loop().create_future())
        cancelled[0].cancel()
        if is_late:
            answers.clear()
        await room.members.aremove(eve)
        assert (await wire.pushed("unsubscribe"))["channel"] == f"room:{room.pk}"
        cancelled.clear()
        allowed[0] = False
        answers.set()
        assert (await wire.pushed("unsubscribe", 2))["channel"] == "cut:1"


@pytest.mark.django_db(transaction=True)
async def test_whose_account_ends_is_out_in_time_while_a_check_of_theirs_does_not_answer(
    slow_rule: SlowRule, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revalidation, "LATE", 0.05)
    monkeypatch.setattr(rule_revalidation, "TIMEOUT", 600.0)
    eve = await User.objects.acreate(username="eve")
    async with wired(eve) as wire:
        assert "error" not in await wire.ask(subscribe={"channel": "slow:1"})
        slow_rule.hang()
        revalidation.current()._schedule(revalidation.EVERYBODY)
        await await_for(lambda: revalidation.current()._late, that="nobody waits for the check")
        eve.is_active = False
        await eve.asave()
        await await_for(lambda: wire.closed, that="the connection is closed")
        assert wire.closed == End.SIGNED_OUT.client


@pytest.mark.django_db(transaction=True)
async def test_who_could_not_be_looked_at_is_looked_at_again(
    hostile_rooms: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revalidation, "RETRY", 0.01)
    room = await Room.objects.acreate(name="private", is_private=True)
    ann = await User.objects.acreate_user("ann")
    await room.members.aadd(ann)
    async with wired(ann) as member:
        assert "error" not in await member.ask(subscribe={"channel": f"room:{room.pk}"})
        hostile_rooms.add(room.pk)
        await room.members.aremove(ann)
        await looked_at_in_vain()
        hostile_rooms.clear()
        await member.pushed("unsubscribe")


def test_an_error_that_nobody_can_explain_keeps_its_traceback() -> None:
    error = ZeroDivisionError()
    assert faults.described(error) == {"error": "ZeroDivisionError", "exc_info": error}
    assert faults.described(DataError("x")) == {"error": "DataError"}
