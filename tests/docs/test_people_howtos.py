"""The pages about people, rooms and personal data: their code runs, and the hub says what they say it does."""

import json
import re
import shlex
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

import hub.urls  # noqa: F401  # registers the methods
from chat import actions, names
from chat.models import Message, Room
from hub.api import keys
from hub.config.typed_settings import HubSettings
from hub.privacy import parts
from hub.validation import BadMessage
from notifications.models import Topic
from tests.api.calling import Api, key_for
from tests.docs.documents import block, blocks, table, text_of
from tests.support.people import User

PEOPLE, CHAT, DATA = (
    f"docs/howto/{name}.md" for name in ("bring-your-people", "chat-in-your-product", "peoples-data")
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.own_user_model]


@pytest.fixture
async def api() -> Api:
    keys.forget()
    return Api(await sync_to_async(key_for)())


def calls() -> list[tuple[str, dict[str, Any]]]:
    """Every ``call METHOD 'JSON'`` of the page, in its order."""
    found = re.findall(r"call (\w+ '[^\n]*?}')", text_of(PEOPLE))
    split = [shlex.split(one) for one in found]
    return [(method, json.loads(request)) for method, request in split]


@pytest.mark.slow
async def test_calls_of_the_page_succeed_in_their_order(api: Api) -> None:
    assert len(calls()) >= 8
    for method, request in calls():
        if method == "room_post":
            request["room"] = (await Room.objects.aget()).pk
        reply = await api(method, **request)
        assert "result" in reply, (method, reply)
    assert await User.objects.filter(external_id__in=["42", "43"]).acount() == 2
    assert await Topic.objects.filter(name="deploys").aexists()


MISTAKES: list[tuple[str, dict[str, Any]]] = [
    ("users", {"users": [{"id": "a@b.example"}]}),
    ("notify", {"to": "44", "message": "m"}),
    ("users", {"users": [{"id": 7}]}),
    ("notify", {"to": "admin", "message": "m"}),
    ("users", {"users": [{"id": "3", "groups": ["ops"]}]}),
    ("users", {"users": [{"id": "boss"}]}),
    ("room_create", {"name": "lobby", "members": ["42"]}),
    ("notify", {"to": "user:44", "message": "m"}),
]


@pytest.mark.parametrize("number", range(len(MISTAKES)))
async def test_sentences_of_the_people_page_are_those_of_the_hub(number: int) -> None:
    keys.forget()
    method, request = MISTAKES[number]
    channels = ("user:*",) if "groups" in str(request) else ("*",)
    await User.objects.acreate(external_id="42")
    await User.objects.acreate(external_id="boss", is_staff=True)
    error = (await Api(await sync_to_async(key_for)(channels=channels))(method, **request))["error"]
    assert table(PEOPLE, "what", "what the hub says")[number][1] == f"{error['code']} {error['message']}"


def test_rooms_of_the_chat_page_work() -> None:
    scope: dict[str, Any] = {}
    exec(block(CHAT, "shop/rooms.py"), scope)  # noqa: S102  # code of our own document
    ada = User.objects.create_user("ada")

    class Order:
        number = 7

    room = scope["open_room_of"](Order, [ada])
    scope["greet"](room, ada)
    scope["greet"](room, ada)
    assert [(one.username, one.text) for one in Message.objects.order_by("pk")] == [
        ("System", "Order 7 is placed"),
        ("ada", "How may I help you?"),
    ]


def test_sentences_of_the_chat_page_are_those_of_the_hub() -> None:
    said = [row[1] for row in table(CHAT, "what", "what the hub says")]
    with pytest.raises(ValidationError) as caught:
        actions.provide_room(name="a room", is_private=False)
    assert said[:3] == [caught.value.messages[0], str(names.NO_SUCH_ROOM), str(actions.NotSignedIn.sentence)]
    assert said[3].startswith(str(actions.MESSAGES.sentence))
    with pytest.raises(actions.NoMembersInPublic) as members:
        actions.provide_room(name="lobby", is_private=False, members=[User.objects.create_user("ada")])
    with pytest.raises(BadMessage) as empty:
        actions.post_notice(room_id=1, text=" ")
    assert said[5:7] == [str(empty.value), str(members.value)]
    Room.objects.create(name="lobby")
    with pytest.raises(actions.NameTaken):
        actions.provide_room(name="lobby", is_private=False, key="mine")
    assert not Message.objects.exists()


async def test_refusal_of_the_chat_page_is_that_of_the_hub(api: Api) -> None:
    await api.result("room_create", name="lobby")
    error = (await api("room_post", room=(await Room.objects.aget()).pk, text="x" * 5000))["error"]
    assert table(CHAT, "what", "what the hub says")[4][1] == f"{error['code']} {error['message']}"


def test_part_of_a_person_on_the_data_page_is_told_and_erased(tmp_path: Path) -> None:
    code = block(DATA, "shop/personal_data.py").replace("from shop.models import Order\n", "")
    told: list[str] = []

    class Rows:
        def filter(self, customer: Any) -> "Rows":
            told.append(customer.username)
            return self

        def values(self, *names: str) -> list[str]:
            return ["an order"]

        def delete(self) -> None:
            told.append("deleted")

    class Order:
        objects = Rows()

    ada = User.objects.create_user("ada")
    try:
        exec(code, {"Order": Order})  # noqa: S102  # code of our own document
        out = StringIO()
        call_command("export_user", str(ada.pk), stdout=out)
        assert json.loads(out.getvalue())["orders"] == ["an order"]
        call_command("erase_user", str(ada.pk), "--no-input", stderr=StringIO())
    finally:
        parts.forget("orders")
    assert told == ["ada", "ada", "deleted"]


def test_sentences_of_the_data_page_are_those_of_the_hub() -> None:
    said = [row[1] for row in table(DATA, "what", "what the hub says")]
    for known, sentence in (("43", said[0]), ("ada", said[1])):
        with pytest.raises(CommandError) as caught:
            call_command("erase_user", known, "--no-input")
        assert str(caught.value) == sentence


async def test_refusals_of_the_data_page_are_those_of_the_hub(api: Api) -> None:
    await User.objects.acreate(external_id="42")
    await User.objects.acreate(external_id="boss", is_staff=True)
    for_another = Api(await sync_to_async(key_for)(channels=("user:43",)))
    batch = json.dumps({"commands": [{"users_erase": {"ids": ["42"]}}]})
    errors = [
        (await for_another("users_erase", ids=["42"]))["error"],
        (await api("users_erase", ids=["boss"]))["error"],
        (await api.raw("batch", batch))[1]["replies"][0]["error"],
        (await api("users_erase", ids=[str(one) for one in range(101)]))["error"],
    ]
    said = [row[1] for row in table(DATA, "what", "what the hub says")]
    assert [said[row] for row in (3, 4, 6, 8)] == [f"{error['code']} {error['message']}" for error in errors]
    assert await User.objects.acount() == 2


def test_values_of_the_setting_are_all_explained() -> None:
    explained = [row[0].split("`")[1] for row in table(DATA, "`HUB_ERASED_TEXTS`")]
    assert set(explained) == {"removed", "anonymised", "kept"} and HubSettings().erased_texts == explained[0]
    assert blocks(DATA, "sh")
