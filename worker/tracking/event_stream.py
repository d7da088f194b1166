"""``GET /api/jobs/<id>/events``: what becomes of one job, as an event stream for programs with an API key.

The first event is the job as it is; each that follows is a publication about it, as pages get it. The stream ends with
the job, and when its key may not read the job any more. It stands beside Django: an open stream needs no thread.
"""

import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

import msgspec
from django.contrib.auth.models import AnonymousUser
from django.db import Error as DatabaseFault

from hub.access import registry
from hub.access.authorization import NotValid, address_of
from hub.access.control import ControlMessage
from hub.api.answering import HEADERS, PROBLEM, answer
from hub.api.errors import ApiError, Code
from hub.api.fast_path import is_let_through
from hub.api.keys import Caller, caller_for
from hub.concurrency.background import Background
from hub.concurrency.node import Part
from hub.endpoints.cors import Application
from hub.fanout import relay
from hub.fanout.frames import FrameBatch
from hub.fanout.local_channel import ProcessSubscriber, Subscription
from hub.limits import TooMany
from hub.server.short_answers import respond
from hub.streams import Envelope
from hub.transports.http_stream import HttpStream
from hub.users import Visitor
from worker import events
from worker.events import JobItem

PREFIX, SUFFIX = "/api/jobs/", "/events"

#: The method that a key needs: who may read a job may follow it.
METHOD: Final = "job"

#: Streams of one key in one process.
STREAMS_LIMIT: Final = 100

#: Seconds between two looks at whether the key still may, and the job is still there: a withdrawn key ends its streams
#: within these and two more. Each writes a comment, too, so that nothing on the way takes the stream for dead.
LOOK: Final = 5.0

#: Errors that pass: the stream goes on, and what is to be told comes from the relay.
_PASSING: Final = {Code.INTERNAL, Code.TOO_MANY_REQUESTS}


class _Changed(msgspec.Struct):
    """What is looked at in a publication about a job."""

    type: str
    item: JobItem | None = None
    id: str = ""


class _Read(msgspec.Struct):
    """What is looked at in the answer to reading a job."""

    job: JobItem


class _Answer(msgspec.Struct):
    result: _Read


_changed = msgspec.json.Decoder(_Changed)
_answer = msgspec.json.Decoder(_Answer)


def find(scope: Mapping[str, Any]) -> Application | None:
    """The ASGI application that answers a request for the events of a job; None for any other request."""
    path = str(scope["path"]).removeprefix(scope.get("root_path", ""))
    if scope["method"] != "GET" or not path.startswith(PREFIX) or not path.endswith(SUFFIX):
        return None
    job_id = path[len(PREFIX) : -len(SUFFIX)]
    return partial(_serve, job_id) if job_id and is_let_through(scope) else None


class _Streams:
    """How many streams each key has in this process."""

    def __init__(self) -> None:
        self.of_keys = Counter[int]()

    async def close(self) -> None:
        """Nothing is left: each stream ends with its request."""


_streams = Part(_Streams)


async def _serve(job_id: str, scope: dict[str, Any], receive: Any, send: Any) -> None:
    stream = JobEvents(job_id, scope)
    try:
        await stream.begin()
        await stream.http.run(scope, send, receive, b"text/event-stream")
    except ApiError as refused:
        await _refuse(send, refused)
    finally:
        await stream.close()


async def _refuse(send: Any, refused: ApiError) -> None:
    problem = refused.problem()
    body = msgspec.json.encode(problem)
    headers = [(name.encode(), value.encode()) for name, value in (HEADERS | {"content-type": PROBLEM}).items()]
    await respond(send, problem.status, body, refused.retry_after, content_type=PROBLEM.encode(), headers=headers[1:])


def _text_of(item: Envelope) -> str:
    return item.data


def _as_they_are(texts: Sequence[str]) -> bytes:
    return "".join(texts).encode()


class JobEvents(ProcessSubscriber):
    """One stream, in the registry of connections, so that it ends with the server. Its key is checked here."""

    credential = ""

    def __init__(self, job_id: str, scope: Mapping[str, Any]) -> None:
        self.user: Visitor = AnonymousUser()
        self.client = secrets.token_hex(12)
        self.http = HttpStream(_as_they_are, self._cut)
        self._request = msgspec.json.encode({"id": job_id})
        self._headers, self._address = list(scope["headers"]), address_of(scope)
        self._id = job_id
        #: What stands in each text about this job, and seldom in others.
        self._mark = msgspec.json.encode(job_id).decode()
        self._caller: Caller | None = None
        self._subscription: Subscription | None = None
        self._looks = Background("look at a job", self._look, event="job_not_looked_at")

    async def begin(self) -> None:
        """Subscribe to what becomes of the job, and write what it is now. The caller must call :meth:`close`.

        Raises:
            ApiError: the key is not valid, or not for this job; there is no such job; the key has too many streams.
        """
        job = await self._read(self._address)
        try:
            caller = await caller_for(self._headers, self._address)
        except (NotValid, TooMany, DatabaseFault):  # since that was answered
            raise ApiError(Code.UNAUTHORIZED) from None
        if _streams().of_keys[caller.pk] >= STREAMS_LIMIT:
            raise ApiError(Code.TOO_MANY_REQUESTS, f"a key has {STREAMS_LIMIT} event streams at most", retry_after=10)
        self._caller = caller
        _streams().of_keys[caller.pk] += 1
        channel = events.channel_of(job.user) if job.user else events.ALL
        try:
            self._subscription = await relay.current().subscribe(channel, self, _text_of)
        except DatabaseFault:
            raise ApiError(Code.INTERNAL) from None
        # Read after that: whatever comes later than this is told as it comes.
        self._tell_item(await self._read(self._address))
        self._subscription.release()
        registry.current().add(self)
        self._looks.wake()

    async def close(self) -> None:
        """The request is over."""
        self.http.end()
        registry.current().remove(self)
        await self._looks.close()
        if self._subscription is not None:
            relay.current().unsubscribe(self._subscription)
        if self._caller is not None:
            counted = _streams().of_keys
            counted[self._caller.pk] -= 1
            counted += Counter()  # without those that have none
            self._caller = None

    async def _read(self, address: str) -> JobItem:
        """The job as it is now. Raises :class:`ApiError`, as a call from ``address`` that reads it."""
        reply = await answer(METHOD, self._request, self._headers, address)
        if reply.error is not None:
            raise reply.error
        return _answer.decode(reply.body).result.job

    async def _look(self) -> float | None:
        try:
            # From nowhere: the streams of a key that was withdrawn are nobody who tries keys, and must not have the
            # next key from there refused.
            job = await self._read("")
        except ApiError as refused:
            if refused.code not in _PASSING:
                self._end()
                return None
        else:
            if job.ended_at is not None:
                self._tell_item(job)
                return None
        self._write(":\n\n")
        return LOOK

    def _tell_item(self, job: JobItem) -> None:
        self._tell(msgspec.json.encode(events.JobChanged(job)).decode(), job)

    def _tell(self, text: str, job: JobItem | None) -> None:
        self._write(f"data: {text}\n\n")
        if job is not None and job.ended_at is not None:
            self._end()

    def _end(self) -> None:
        """Tell that nothing more comes: a client that comes back by itself need not."""
        self._write("event: end\ndata: {}\n\n")
        self.http.end()

    def _write(self, text: str) -> None:
        self.http.write(FrameBatch([text]))

    def _cut(self) -> None:
        if self._subscription is not None:
            relay.current().unsubscribe(self._subscription)

    # --- hub.fanout.local_channel.Subscriber ----------------------------------------------------------------------

    def write(self, batch: FrameBatch) -> None:
        """Write what is about this job."""
        for text in batch.texts:
            if self._mark not in text or self.http.has_ended:
                continue
            try:
                said = _changed.decode(text)
            except msgspec.DecodeError:
                continue  # what somebody else sends there
            if self._id == (said.id if said.item is None else said.item.id):
                self._tell(text, said.item)

    def restart(self) -> None:
        """Publications are missing: the client comes back, and reads the job again."""
        self.http.end()

    # --- hub.access.registry.OpenSocket ---------------------------------------------------------------------------

    def receives(self, channel: str) -> bool:
        """No: permissions of people say nothing of what a key may."""
        return False

    def handle(self, message: ControlMessage) -> None:
        """Nothing: control messages are about people."""

    async def revalidate(self, user: Visitor | None) -> None:
        """Nothing: the key is looked at every few seconds."""

    def stop(self) -> None:
        """This server stops."""
        self.http.end()
