"""Asking all web processes at once: each says what it alone knows, such as which channels its sockets follow.

Nobody writes down what may be asked for later: a question goes to all processes over the bus, on the channel
``survey:questions``, and each answers on the channel of the process that asks, ``survey:<id of its node>``. The layer
says how many receive the question. A process that does not answer in time is left out; while Redis is away, each knows
of itself only.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from hub.bus import announcer
from hub.channels import Namespace, register
from hub.concurrency import node
from hub.concurrency.batcher import Batcher
from hub.concurrency.node import Part
from hub.config import hub_settings
from hub.fanout import relay
from hub.fanout.inbox import Inbox
from hub.logs import get_logger
from hub.ops import metrics
from hub.streams import Envelope

log = get_logger(__name__)

SURVEY = register(Namespace("survey", durable=False, internal=True, pattern="<str:id>"))
QUESTIONS = f"{SURVEY.name}:questions"

#: Characters of an answer that go in one message: however they are escaped, a relay takes it.
PIECE = 12_000

#: Seconds without a further answer after which no other process is waited for, where the layer does not say how many
#: receive a question.
QUIET = 0.3

#: Characters of what a question is about.
ABOUT_LIMIT = 12_000

#: Gives one process's answer to what a question is about: called on the event loop, must not wait; what it returns
#: must be what JSON has.
Answer = Callable[[str], Any]

_Id = Annotated[str, Meta(pattern=r"\A[0-9a-f]{1,32}\Z")]


class _Question(msgspec.Struct):
    id: _Id
    topic: str
    asker: _Id
    about: str = ""


class _Piece(msgspec.Struct):
    """One of the pieces of an answer."""

    question: _Id
    process: _Id
    number: int
    of: int
    text: str


_question_decoder, _piece_decoder = msgspec.json.Decoder(_Question), msgspec.json.Decoder(_Piece)


class _Gathering:
    """The answers to one question, as they arrive."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self._pieces: dict[str, dict[int, str]] = {}
        self._arrived = asyncio.Event()

    def take(self, piece: _Piece) -> None:
        """Put the answer together once all of its pieces are there."""
        pieces = self._pieces.setdefault(piece.process, {})
        pieces[piece.number] = piece.text
        self._arrived.set()
        if len(pieces) == piece.of:
            text = "".join(pieces[number] for number in sorted(pieces))
            with contextlib.suppress(msgspec.MsgspecError):
                self.answers[piece.process] = msgspec.json.decode(text)

    async def wait_for(self, number: int | None) -> None:
        """Return when so many processes have answered; None for those who answer without a pause of :data:`QUIET`."""
        while number is None or len(self.answers) < number:
            self._arrived.clear()
            try:
                async with asyncio.timeout(QUIET if number is None else None):
                    await self._arrived.wait()
            except TimeoutError:
                return


class Survey:
    """Answers the questions of others, and asks. Lives on one event loop; see :func:`current`."""

    def __init__(self) -> None:
        #: Names this process among those who answer.
        self.process = node.current().id
        self._loop = asyncio.get_running_loop()
        self._gathering: dict[str, _Gathering] = {}
        self._asking: Batcher[tuple[str, str], dict[str, Any]] = Batcher(self._ask, limit=1)
        self._inboxes = (
            Inbox(QUESTIONS, self._answer, event="survey_not_subscribed"),
            Inbox(f"{SURVEY.name}:{self.process}", self._gather, event="survey_not_subscribed"),
        )

    async def ask(self, topic: str, about: str = "") -> dict[str, Any]:
        """The answers of all web processes, by process; this one's is always among them.

        Bounded by ``HUB_REDIS_TIMEOUT``. Those who ask the same at the same time share the question.

        Args:
            about: what the question is about, where the topic says that there is something; at most
                :data:`ABOUT_LIMIT` characters.
        """
        return await self._asking.get((topic, about))

    def ask_from_thread(self, topic: str, about: str = "") -> dict[str, Any]:
        """:meth:`ask`, for a thread that waits; nothing where that takes too long, or the event loop has ended."""
        if not self._loop.is_running():
            return {}
        asked = asyncio.run_coroutine_threadsafe(self.ask(topic, about), self._loop)
        try:
            return asked.result(timeout=2 * hub_settings().redis_timeout)
        except TimeoutError:  # others wait as well
            asked.cancel()
            return {}

    async def ready(self) -> None:
        """Return when questions and answers of other processes arrive; while Redis is unavailable, when they would."""
        for inbox in self._inboxes:
            await inbox.ready()

    async def close(self) -> None:
        """Stop answering."""
        await asyncio.gather(*(inbox.close() for inbox in self._inboxes))

    # --- asking -----------------------------------------------------------------------------------------------------

    async def _ask(self, questions: list[tuple[str, str]]) -> dict[tuple[str, str], dict[str, Any]]:
        ((topic, about),) = questions
        question = _Question(secrets.token_hex(8), topic, self.process, about)
        gathering = self._gathering[question.id] = _Gathering()
        try:
            async with asyncio.timeout(hub_settings().redis_timeout):
                await self.ready()
                asked = Envelope(QUESTIONS, "", 0, msgspec.json.encode(question).decode())
                await gathering.wait_for(await announcer.announce_counted(asked))
        except Exception as error:  # noqa: BLE001  # each layer raises what it likes
            metrics.FAILURES.labels("survey_incomplete").inc()
            log.warning("survey_incomplete", topic=topic, answers=len(gathering.answers), error=type(error).__name__)
        finally:
            del self._gathering[question.id]
        return {(topic, about): {**gathering.answers, self.process: _answers[topic](about)}}

    def _gather(self, text: str) -> None:
        with contextlib.suppress(msgspec.MsgspecError):
            piece = _piece_decoder.decode(text)
            if (gathering := self._gathering.get(piece.question)) is not None:
                gathering.take(piece)

    # --- answering --------------------------------------------------------------------------------------------------

    def _answer(self, text: str) -> None:
        try:
            question = _question_decoder.decode(text)
        except msgspec.MsgspecError:
            return
        if (answer := _answers.get(question.topic)) is None:
            return
        try:
            answered = msgspec.json.encode(answer(question.about)).decode()
        except Exception:
            metrics.FAILURES.labels("survey_failed").inc()
            log.exception("survey_failed", topic=question.topic)
            return
        channel = f"{SURVEY.name}:{question.asker}"
        starts = range(0, len(answered), PIECE)
        pieces = (
            _Piece(question.id, self.process, number, len(starts), answered[start : start + PIECE])
            for number, start in enumerate(starts)
        )
        announcer.announce([Envelope(channel, "", 0, msgspec.json.encode(piece).decode()) for piece in pieces])


_answers: dict[str, Answer] = {}


def answer_with(topic: str, answer: Answer) -> None:
    """Have each web process answer questions about ``topic`` with ``answer(about)``; called while modules load."""
    _answers[topic] = answer


#: The one of the running event loop.
current = Part(Survey, uses=[relay.current], at_start=True)
