"""Messages that are stored together."""

import asyncio
import threading
from collections.abc import Collection
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import DataError, IntegrityError

from chat import actions, posting
from chat.actions import Draft, NoSuchRoom, NotSignedIn
from chat.models import Message, Room
from hub.models import Publication
from lab.harness.waiting import await_for
from tests.chat.refusing import refuse
from tests.connection.wire import wired
from tests.support.people import User
from tests.support.sockets import open_endpoint, session_cookie

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def room() -> Room:
    return Room.objects.create(name="kitchen")


def test_each_draft_has_its_own_answer(room: Room, ann: User) -> None:
    gone = User.objects.create_user("gone", is_active=False)
    good, guest = Draft(room.pk, ann.pk, "good"), Draft(room.pk, None, "guest")
    inactive, nowhere = Draft(room.pk, gone.pk, "inactive"), Draft(room.pk + 1, ann.pk, "nowhere")
    results = actions.post_messages([guest, good, inactive, nowhere])
    assert isinstance(results[good], Message)
    assert isinstance(results[guest], NotSignedIn)
    assert isinstance(results[inactive], NotSignedIn)
    assert isinstance(results[nowhere], NoSuchRoom)
    assert list(Message.objects.values_list("text", flat=True)) == ["good"]


def test_messages_of_a_batch_keep_their_order_in_the_room(room: Room, ann: User) -> None:
    drafts = [Draft(room.pk, ann.pk, str(number)) for number in range(50)]
    actions.post_messages(drafts)
    assert list(Message.objects.order_by("pk").values_list("text", flat=True)) == [str(n) for n in range(50)]
    rows = Publication.objects.filter(channel=f"room:{room.pk}").order_by("offset")
    assert [row.offset for row in rows] == list(range(1, 51))
    assert all(f'"text":"{number}"' in row.data for number, row in enumerate(rows))


async def posted_together(room: Room, ann: User, *texts: str) -> list[Any]:
    drafts = [Draft(room.pk, ann.pk, text) for text in texts]
    return await asyncio.gather(*map(posting.post, drafts), return_exceptions=True)


async def test_a_draft_whose_room_vanishes_in_this_moment_fails_alone(
    room: Room, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, {"doomed": IntegrityError})
    results = await posted_together(room, ann, "one", "doomed", "two")
    assert [isinstance(result, Message) for result in results] == [True, False, True]
    assert isinstance(results[1], NoSuchRoom)
    assert [message.text async for message in Message.objects.order_by("pk")] == ["one", "two"]


async def test_drafts_that_the_database_refuses_for_several_reasons_harm_no_other(
    room: Room, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, {"taken": IntegrityError, "unreadable": DataError})
    results = await posted_together(room, ann, "one", "taken", "two", "unreadable", "three")
    kinds = [type(result) for result in results]
    assert kinds == [Message, NoSuchRoom, Message, DataError, Message]
    assert [message.text async for message in Message.objects.order_by("pk")] == ["one", "two", "three"]


async def test_messages_by_every_way_share_a_transaction(
    room: Room, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[list[str]] = []
    first_is_under_way, go_on = threading.Event(), threading.Event()
    real = actions.post_messages

    def seen(drafts: Collection[actions.Draft]) -> Any:
        batches.append([draft.text for draft in drafts])
        first_is_under_way.set()
        assert go_on.wait(30)
        return real(drafts)

    monkeypatch.setattr(actions, "post_messages", seen)
    session = await sync_to_async(session_cookie)(ann)
    path = f"/ws/chat/{room.name}/"
    async with wired(ann) as one, wired(ann) as two, open_endpoint(path, session=session) as endpoint:
        under_way = asyncio.create_task(posting.post(actions.Draft(room.pk, ann.pk, "first")))
        await asyncio.to_thread(first_is_under_way.wait, 30)
        await endpoint.send_json({"message": "by the simple endpoint"})
        rpc = {"method": "chat.post", "data": {"room": room.pk, "text": "by rpc"}}
        published = {"channel": f"room:{room.pk}", "data": {"message": "by publish"}}
        others = [asyncio.create_task(one.ask(rpc=rpc)), asyncio.create_task(two.ask(publish=published))]
        await await_for(lambda: len(posting._posting._waiting) == 3, that="all three wait")
        go_on.set()
        await asyncio.gather(under_way, *others)
        assert set(batches[1]) == {"by the simple endpoint", "by rpc", "by publish"}
    assert sorted(map(len, batches)) == [1, 3]
