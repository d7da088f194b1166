"""Asking all web processes. Two nodes, each with a loop and a relay, are as good as two processes."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import structlog
from pytest_django.fixtures import Settings

from hub.bus.announcer import announce
from hub.concurrency import node
from hub.fanout import survey
from hub.streams import Envelope
from lab.harness.redis_server import RedisServer
from lab.harness.waiting import await_for
from tests.support.layers import default_layer

#: What each node answers, by its id.
answers: dict[str, Any] = {}


@pytest.fixture(autouse=True)
def topic(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A question that each node answers with what the test has set for it."""
    settings.HUB_REPAIR_INTERVAL = 0  # so that no relay asks the database
    settings.HUB_REDIS_TIMEOUT = 10  # a busy machine is waited for
    monkeypatch.setattr(survey, "_answers", {})
    answers.clear()
    survey.answer_with("test", lambda about: answers.get(node.current().id, "nothing"))


class OtherNode:
    """A node on an event loop of its own, in a thread."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.id = ""

    async def start(self) -> None:
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        await self.run(self._listen())

    def _serve(self) -> None:
        self.loop.run_forever()
        self.loop.close()  # here, because the layer has something to do on it then

    async def run(self, coroutine: Any) -> Any:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, self.loop))

    async def _listen(self) -> None:
        self.id = node.current().id
        await survey.current().ready()

    async def end(self) -> None:
        await self.run(node.close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        await await_for(lambda: not self._thread.is_alive(), that="its thread has ended")


@contextlib.asynccontextmanager
async def other_node() -> AsyncIterator[OtherNode]:
    other = OtherNode()
    await other.start()
    try:
        yield other
    finally:
        await other.end()


@pytest.fixture
def lines() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as lines:
        yield lines


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["redis", "channels_redis.pubsub"])
async def test_all_processes_answer(kind: str) -> None:
    async with default_layer(kind), other_node() as other:
        answers.update({node.current().id: {"a": 1}, other.id: {"b": 2}})
        assert await survey.current().ask("test") == answers
        assert await other.run(ask_there()) == answers
        await node.close()


async def ask_there() -> dict[str, Any]:
    return await survey.current().ask("test")


async def test_layer_in_memory_reaches_this_process_only() -> None:
    async with default_layer("memory"):
        assert await survey.current().ask("test") == {node.current().id: "nothing"}
        await node.close()


@pytest.mark.slow
async def test_answer_that_is_too_long_for_one_message_comes_whole(settings: Settings) -> None:
    settings.HUB_MAX_PUBLICATION = settings.HUB_MAX_FRAME = 1
    async with other_node() as other:
        answers[other.id] = {f'room:{number} "\\é€\U0001f600"': number for number in range(40_000)}
        assert (await survey.current().ask("test"))[other.id] == answers[other.id]


@pytest.mark.slow
async def test_process_that_hangs_is_left_out(settings: Settings, lines: list[Any]) -> None:
    async with other_node() as other:
        assert other.id in await survey.current().ask("test")
        settings.HUB_REDIS_TIMEOUT = 0.5
        may_go_on = threading.Event()
        other.loop.call_soon_threadsafe(may_go_on.wait, 30)
        assert await survey.current().ask("test") == {node.current().id: "nothing"}
        may_go_on.set()
        assert [line["event"] for line in lines if line["event"].startswith("survey")] == ["survey_incomplete"]


async def test_process_that_has_ended_is_not_waited_for(lines: list[Any], redis_server: RedisServer) -> None:
    def listeners() -> int:
        return len(redis_server.client.client_list(_type="pubsub"))

    async with other_node() as other:
        assert other.id in await survey.current().ask("test")
        before = listeners()
    await await_for(lambda: listeners() == before - 1, that="Redis knows that it has ended")
    async with asyncio.timeout(20):
        assert await survey.current().ask("test") == {node.current().id: "nothing"}
    assert not [line for line in lines if line["event"] == "survey_incomplete"]


async def test_without_redis_each_process_knows_of_itself(
    settings: Settings, redis_server: RedisServer, lines: list[Any]
) -> None:
    await survey.current().ready()
    settings.HUB_REDIS_TIMEOUT = 0.5
    redis_server.stop()
    try:
        assert await survey.current().ask("test") == {node.current().id: "nothing"}
    finally:
        redis_server.start()
    assert "survey_incomplete" in {line["event"] for line in lines}
    await await_for(lambda: answered_by_all(lines), timeout=20, that="with Redis questions are answered again")


async def answered_by_all(lines: list[Any]) -> bool:
    lines.clear()
    await survey.current().ask("test")
    return not [line for line in lines if line["event"] == "survey_incomplete"]


@pytest.mark.slow
async def test_failing_answer_is_logged_and_the_others_come(settings: Settings, lines: list[Any]) -> None:
    async with other_node() as other:
        await survey.current().ready()
        settings.HUB_REDIS_TIMEOUT = 0.5
        answers[other.id] = object()  # nothing that JSON has
        assert node.current().id in await survey.current().ask("test")
        assert "survey_failed" in {line["event"] for line in lines}


async def test_what_is_no_question_and_no_answer_is_ignored() -> None:
    await survey.current().ready()
    own = f"survey:{node.current().id}"
    for text in ("", "{", "[]", '{"id":"x y","topic":"test","asker":"../z"}', '{"question":"ff","process":1}'):
        announce([Envelope(survey.QUESTIONS, "", 0, text), Envelope(own, "", 0, text)])
    assert await survey.current().ask("test") == {node.current().id: "nothing"}
