"""Messages that are stored together."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError

from chat import actions
from chat.actions import Draft, NoSuchRoom, NotSignedIn
from chat.models import Message, Room
from hub.models import Publication

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


def test_a_draft_whose_room_vanishes_in_this_moment_fails_alone(
    room: Room, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = actions._store

    def store(drafts: Any) -> Any:
        if any(draft.text == "doomed" for draft in drafts):
            raise IntegrityError("FOREIGN KEY constraint failed")
        return real(drafts)

    monkeypatch.setattr(actions, "_store", store)
    drafts = [Draft(room.pk, ann.pk, text) for text in ("one", "doomed", "two")]
    results = actions.post_messages(drafts)
    assert [isinstance(results[draft], Message) for draft in drafts] == [True, False, True]
    assert isinstance(results[drafts[1]], NoSuchRoom)
    assert list(Message.objects.order_by("pk").values_list("text", flat=True)) == ["one", "two"]
