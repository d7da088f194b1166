"""Asking all web processes at once: each says what it alone knows, such as which channels its sockets follow.

Nobody writes down what may be asked for later: a question goes to all processes over Redis, and ``PUBLISH`` says how
many will answer. A process that does not answer in time is left out; while Redis is away, each knows of itself only.
"""

import asyncio
import contextlib
import random
import secrets
from collections.abc import Callable
from typing import Any

import msgspec
import structlog
from redis.exceptions import RedisError

from hub.bus import redis_client
from hub.concurrency.batcher import Batcher
from hub.concurrency.cancellation import is_wanted
from hub.concurrency.node import Part
from hub.config import hub_settings

log = structlog.get_logger(__name__)

#: Gives one process's answer: called on the event loop, must not wait; what it returns must be what JSON has.
Answer = Callable[[], Any]

#: Milliseconds that answers stay in Redis: longer than anybody waits for them.
ANSWERS_KEPT = 10_000

#: Seconds for which the subscription waits for a question before it looks whether Redis is still there.
POLL_TIMEOUT = 5.0


class _Question(msgspec.Struct):
    id: str
    topic: str
    asker: str


class _Answered(msgspec.Struct):
    process: str
    answer: Any


class Survey:
    """Answers the questions of others, and asks. Lives on one event loop; see :func:`current`."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        #: Names this process among those who answer.
        self.process = secrets.token_hex(8)
        self._redis = redis_client.connect()
        self._key = f"{hub_settings().redis_prefix}:survey"
        self._listens = asyncio.Event()
        self._is_away = False
        self._asking: Batcher[str, dict[str, Any]] = Batcher(self._ask, limit=1)
        self._listening = self.loop.create_task(self._listen_for_ever())

    async def ask(self, topic: str) -> dict[str, Any]:
        """The answers of all web processes, by process; this one's is always among them.

        Bounded by ``HUB_REDIS_TIMEOUT``. Those who ask the same at the same time share the question.
        """
        return await self._asking.get(topic)

    async def close(self) -> None:
        """Stop answering."""
        self._listening.cancel()
        # Bounded, because a Redis command may swallow a cancellation.
        await asyncio.wait([self._listening], timeout=hub_settings().redis_timeout)
        await self._redis.aclose()

    # --- asking -----------------------------------------------------------------------------------------------------

    async def _ask(self, topics: list[str]) -> dict[str, dict[str, Any]]:
        (topic,) = topics
        answers: dict[str, Any] = {}
        try:
            async with asyncio.timeout(hub_settings().redis_timeout):
                await self._ask_others(topic, answers)
        except (TimeoutError, RedisError) as error:
            log.warning("survey_incomplete", topic=topic, answers=len(answers), error=type(error).__name__)
        return {topic: {**answers, self.process: _answers[topic]()}}

    async def _ask_others(self, topic: str, answers: dict[str, Any]) -> None:
        if self._is_away:
            return
        await self._listens.wait()
        question = _Question(secrets.token_hex(8), topic, self.process)
        key = f"{self._key}:{question.id}"
        others = int(await self._redis.publish(self._key, msgspec.json.encode(question))) - 1
        while len(answers) < others:
            found = await self._redis.blpop([key], timeout=hub_settings().redis_timeout / 2)
            if found is not None:
                with contextlib.suppress(msgspec.MsgspecError):
                    answered = msgspec.json.decode(found[1], type=_Answered)
                    answers[answered.process] = answered.answer

    # --- answering --------------------------------------------------------------------------------------------------

    async def _listen_for_ever(self) -> None:
        while is_wanted():
            try:
                async with self._redis.pubsub(ignore_subscribe_messages=True) as source:
                    await source.subscribe(self._key)
                    self._found()
                    while is_wanted():
                        message = await source.get_message(timeout=POLL_TIMEOUT)
                        if message is not None:
                            await self._answer(message["data"])
            except (RedisError, OSError) as error:
                self._lost(error)
            except Exception:
                log.exception("survey_failed")
            self._listens.clear()
            await asyncio.sleep(random.uniform(0.5, 1.5))

    async def _answer(self, text: str) -> None:
        try:
            question = msgspec.json.decode(text, type=_Question)
        except msgspec.MsgspecError:
            return
        answer = _answers.get(question.topic)
        if question.asker == self.process or answer is None or not question.id.isalnum():
            return
        key = f"{self._key}:{question.id}"
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.rpush(key, msgspec.json.encode(_Answered(self.process, answer())))
            pipe.pexpire(key, ANSWERS_KEPT)
            await pipe.execute()

    def _found(self) -> None:
        self._is_away = False
        self._listens.set()

    def _lost(self, error: Exception) -> None:
        if not self._is_away:
            log.warning("survey_of_this_process_only", error=type(error).__name__)
        self._is_away = True


_answers: dict[str, Answer] = {}


def answer_with(topic: str, answer: Answer) -> None:
    """Have each web process answer questions about ``topic`` with ``answer()``; called once, while modules load."""
    _answers[topic] = answer


#: The one of the running event loop.
current = Part(Survey, at_start=True)
