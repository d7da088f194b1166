"""A write that nobody heard the end of: the client is told that it may have been done, and may safely repeat it."""

import contextlib
import logging
import sqlite3
import threading
from collections.abc import AsyncIterator, Mapping
from typing import Any

import psycopg
import pytest
from asgiref.sync import sync_to_async
from django.db import DataError, OperationalError

from chat import actions
from chat.models import Message
from hub.concurrency import batcher
from hub.concurrency.batcher import TookTooLong
from hub.concurrency.faults import may_be_done
from hub.endpoints.centrifuge import refusals
from hub.endpoints.centrifuge.messages import Publish, Rpc, Subscribe
from hub.endpoints.simple import endpoint
from hub.logs.rare_log import RareLog
from lab.harness.waiting import await_for
from tests.connection.wire import wired
from tests.support.people import User
from tests.support.sockets import Endpoint, Frame, open_endpoint, session_cookie

pytestmark = pytest.mark.django_db(transaction=True)

PUBLISH, SUBSCRIBE = Publish(channel="room:1"), Subscribe(channel="room:1")


def raised(error: Exception, cause: Exception | None) -> Exception:
    error.__cause__ = cause
    return error


def sqlite_error(name: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError()
    error.sqlite_errorname = name
    return error


@pytest.mark.parametrize(
    ("error", "unknown"),
    [
        (TookTooLong("no answer"), True),
        (raised(OperationalError(), psycopg.OperationalError("server closed the connection unexpectedly")), True),
        (raised(OperationalError(), psycopg.errors.AdminShutdown()), True),
        (raised(OperationalError(), sqlite_error("SQLITE_IOERR_FSYNC")), True),
        (raised(OperationalError(), psycopg.errors.DeadlockDetected()), False),
        (raised(OperationalError(), psycopg.errors.QueryCanceled()), False),
        (raised(OperationalError(), sqlite_error("SQLITE_BUSY")), False),
        (raised(OperationalError(), sqlite3.OperationalError("Could not decode to UTF-8 column 'text'")), False),
        (DataError(), False),
        (ZeroDivisionError(), False),
    ],
)
def test_what_the_database_has_answered_is_known(error: Exception, unknown: bool) -> None:
    assert may_be_done(error) is unknown


class SlowPosting:
    """Posting that outlasts its batch, and is done all the same."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ends = threading.Event()
        self._post = actions.post_messages
        self._patch = monkeypatch

    def begin(self) -> None:
        self._patch.setattr(batcher, "LONGEST", 0.3)  # in which it has begun: what is given up before is never done
        self._patch.setattr(actions, "post_messages", self)

    def __call__(self, drafts: list[actions.Draft]) -> Mapping[actions.Draft, Message | actions.Refusal]:
        self.ends.wait(60)
        return self._post(drafts)

    async def is_over(self) -> None:
        """What was given up has been stored, and posting is fast again."""
        self._patch.undo()
        self.ends.set()
        await await_for(sync_to_async(Message.objects.exists), that="the message is stored")


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Any:
    posting = SlowPosting(monkeypatch)
    yield posting
    posting.ends.set()


@contextlib.asynccontextmanager
async def in_the_lobby(ada: User) -> AsyncIterator[Endpoint]:
    async with open_endpoint("/ws/chat/lobby/", session=await sync_to_async(session_cookie)(ada)) as socket:
        yield socket


async def said(socket: Endpoint, frame: Frame, kind: str) -> Frame:
    await socket.send_json(frame)
    while True:
        found = await socket.receive_json()
        if found["type"] == kind and not found.get("notice"):
            return found


async def texts() -> list[str]:
    return await sync_to_async(lambda: list(Message.objects.order_by("pk").values_list("text", flat=True)))()


async def test_simple_endpoint_says_that_it_is_unknown_and_the_key_makes_it_safe(
    ada: User, room: str, slow: SlowPosting
) -> None:
    async with in_the_lobby(ada) as socket:
        slow.begin()
        answer = await said(socket, {"message": "one", "key": "k-1"}, "error")
        assert answer["code"] == "maybe_stored"
        assert "same key" in answer["message"]
        await slow.is_over()
        await socket.send_json({"message": "one", "key": "k-1"})
        while (await said(socket, {"message": "two", "key": "k-2"}, "message"))["message"] != "two":
            pass
    assert await texts() == ["one", "two"]


async def test_client_connection_says_that_it_is_unknown_and_the_key_makes_it_safe(
    ada: User, room: str, slow: SlowPosting
) -> None:
    number = int(room[5:])
    commands: list[Frame] = [
        {"rpc": {"method": "chat.post", "data": {"room": number, "text": "one", "key": "k-1"}}},
        {"publish": {"channel": room, "data": {"message": "one", "key": "k-1"}}},
    ]
    async with wired(ada) as wire:
        slow.begin()
        for command in commands:
            assert (await wire.ask(**command))["error"] == {
                "code": 100,
                "message": "internal server error: it may have been carried out",
                "temporary": True,
            }
        await slow.is_over()
        for command in commands:
            assert "error" not in await wire.ask(**command)
    assert await texts() == ["one"]


async def test_database_that_answers_has_not_stored_it(ada: User, room: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(drafts: object) -> Any:
        raise OperationalError("database is locked") from sqlite_error("SQLITE_BUSY")

    monkeypatch.setattr(actions, "post_messages", refuse)
    async with in_the_lobby(ada) as socket:
        assert (await said(socket, {"message": "one"}, "error"))["code"] == "not_stored"


@pytest.mark.parametrize("key", ["", "with blanks", "x" * 65, 7, ["k"]])
async def test_key_of_another_form_is_refused(ada: User, room: str, key: object) -> None:
    async with in_the_lobby(ada) as socket:
        assert (await said(socket, {"message": "one", "key": key}, "error"))["code"] == "bad_key"
    assert await texts() == []


def test_what_only_reads_is_not_said_to_have_been_done() -> None:
    for request, unknown in ((PUBLISH, True), (Rpc(), True), (SUBSCRIBE, False)):
        assert ("may have been" in str(refusals.refusal_of(TookTooLong(), request))) is unknown


def failures(*places: int) -> list[ZeroDivisionError]:
    """Failures of one type, each of which comes from a place of its own, or from the same."""
    found = []
    for place in places:
        try:
            _ = 1 / 0 if place == 1 else one_over_nothing()
        except ZeroDivisionError as error:
            found.append(error)
    return found


def one_over_nothing() -> float:
    return 1 / 0


def test_failures_of_one_cause_are_logged_once_in_a_while(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(refusals, "_rare_log", RareLog(refusals.log, seconds=600))
    for failure in failures(1, 1, 2, 1, 2):
        refusals.refusal_of(failure, SUBSCRIBE)
        refusals.refusal_of(failure, PUBLISH)
    lines = [one for one in caplog.records if "command_failed" in one.getMessage()]
    assert [one.levelno for one in lines] == [logging.ERROR] * 4


async def test_messages_that_fail_by_the_hundred_are_one_line(
    ada: User, room: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(drafts: object) -> Any:
        raise OperationalError("gone")

    monkeypatch.setattr(endpoint, "_rare_log", RareLog(endpoint._rare_log._log, seconds=600))
    monkeypatch.setattr(actions, "post_messages", refuse)
    async with in_the_lobby(ada) as socket:
        for _ in range(5):
            await said(socket, {"message": "one"}, "error")
    assert caplog.text.count("message_failed") == 1
