"""What can be sent, to whom, and what is refused before anything is stored."""

import json
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import AnonymousUser, Group
from django.utils.translation import gettext_lazy
from hypothesis import given
from hypothesis import strategies as st

from hub.users import log_in_field, user_id
from hub.validation.messages import BadMessage, read
from hub.validation.text import MESSAGE_LIMIT
from notifications import alert
from notifications.models import TITLE_LIMIT
from notifications.safe_urls import URL_LIMIT
from notifications.sending.alerting import BadAlert, UnknownRecipient, refuse_unsendable
from tests.support.people import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def ops() -> Group:
    return Group.objects.create(name="ops")


def test_recipients_are_named_by_objects_and_by_texts_alike(ann: User, ops: Group) -> None:
    assert alert(to="everyone", message="x").to == (None,)
    assert alert(to=ann, message="x").to == alert(to=f"user:{ann.get_username()}", message="x").to == (ann,)
    assert alert(to=ops, message="x").to == alert(to="group:ops", message="x").to == (ops,)


def test_person_is_named_by_their_id_as_text(ann: User) -> None:
    assert alert(to=user_id(ann), message="x").to == alert(to=[user_id(ann), ann], message="x").to == (ann,)


@pytest.mark.own_user_model
def test_people_whom_a_product_knows_have_no_other_text() -> None:
    person = User.objects.create(external_id="c-1042")
    assert alert(to="c-1042", message="x").to == (person,)
    refuse_unsendable(to=["c-1042", "everyone"], message="x")
    for text in ("user:c-1042", "c-1043", str(person.pk)):
        with pytest.raises(UnknownRecipient):
            alert(to=text, message="x")


def test_nobody_becomes_somebody_else_by_the_name_that_they_take(ann: User) -> None:
    as_id = User.objects.create(**{log_in_field(): user_id(ann)})
    as_text = User.objects.create(**{log_in_field(): f"user:{ann.get_username()}"})
    assert alert(to=user_id(ann), message="x").to == alert(to=f"user:{ann.get_username()}", message="x").to == (ann,)
    assert alert(to=f"user:{user_id(ann)}", message="x").to == (as_id,)
    assert alert(to=f"user:user:{ann.get_username()}", message="x").to == (as_text,)


def test_several_recipients_keep_their_order_and_each_is_told_once(ann: User, ops: Group) -> None:
    bob = User.objects.create_user("bob")
    assert alert(to=[f"user:{bob.get_username()}", ops, ann, bob, "group:ops"], message="x").to == (bob, ops, ann)
    assert alert(to=User.objects.order_by(log_in_field()), message="x").to == (ann, bob)


def test_everyone_swallows_whoever_else_is_named(ann: User) -> None:
    assert alert(to=[ann, "everyone"], message="x").to == (None,)


@pytest.mark.own_user_model
def test_a_user_and_a_group_with_the_same_number_are_two() -> None:
    group = Group.objects.create(name="twin")
    twin = User.objects.create(external_id=str(group.pk))
    assert alert(to=[twin, group], message="x").to == (twin, group)


@pytest.mark.whole_table
@pytest.mark.parametrize(
    "recipient",
    [
        "user:nobody",
        "user:",
        "user",
        "group:nothing",
        "Everyone",
        "everyone ",
        "",
        "ann",
        "user:an\0n",
        "user:\ud800",
        "group:\0",
        "topic:ann",
        7,
        None,
        [["user:ann"]],
        {"user": "ann"},
        b"user:ann",
        AnonymousUser(),
    ],
)
def test_what_names_nobody_is_an_unknown_recipient(ann: User, recipient: Any) -> None:
    with pytest.raises(UnknownRecipient):
        alert(to=recipient, message="x")


@pytest.mark.parametrize(
    ("recipient", "sentence"),
    [
        (None, "not to None"),
        (7, "not to 7: pass the user, or the id as text"),
        (UUID(int=7), "not to UUID('00000000-0000-0000-0000-000000000007'): pass the user, or the id as text"),
        (Group(name="ops"), "not to a Group that is not saved"),
        ([{"user": "ann"}], "not to an object of the class dict"),
        ("ann@example.com", "Somebody who logs in with that is 'user:ann@example.com'"),
    ],
)
def test_refusal_says_what_was_given_and_what_to_give(recipient: Any, sentence: str) -> None:
    with pytest.raises(UnknownRecipient) as refused:
        alert(to=recipient, message="x")
    assert sentence in str(refused.value)


def test_one_unknown_recipient_among_many_refuses_the_alert(ann: User) -> None:
    with pytest.raises(UnknownRecipient, match="nobody"):
        alert(to=[ann, "user:nobody"], message="x")


def test_a_user_that_was_never_saved_is_an_unknown_recipient() -> None:
    with pytest.raises(UnknownRecipient):
        alert(to=User(**{log_in_field(): "new"}), message="x")


@pytest.mark.parametrize(
    "fields",
    [
        {"message": ""},
        {"message": " \n\t"},
        {"message": "x" * (MESSAGE_LIMIT + 1)},
        {"message": "a\0b"},
        {"message": "a\ud800b"},
        {"message": None},
        {"message": 7},
        {"message": ["x"]},
        {"title": "x" * (TITLE_LIMIT + 1)},
        {"title": "\0"},
        {"title": "\udfff"},
        {"title": None},
        {"level": "fatal"},
        {"level": "INFO"},
        {"level": ""},
        {"level": None},
        {"level": ["info"]},
        {"url": "javascript:alert(1)"},
        {"url": " javascript:alert(1)"},
        {"url": "JaVaScRiPt:alert(1)"},
        {"url": "java\nscript:alert(1)"},
        {"url": "data:text/html,x"},
        {"url": "//evil.example/"},
        {"url": "/\\evil.example/"},
        {"url": "\\\\evil.example"},
        {"url": "http:evil"},
        {"url": "http://"},
        {"url": "orders/7"},
        {"url": "/a\tb"},
        {"url": "/a\0b"},
        {"url": "/\ud800"},
        {"url": "http://["},
        {"url": "/" + "x" * URL_LIMIT},
        {"url": None},
        {"data": "x" * 65_536},
        {"data": ["ж" * 33_000]},
        {"message": "\x01" * 4000, "data": "x" * 41_200},
        {"data": object()},
        {"data": {1, 2}},
        {"data": float("nan")},
        {"data": {"far": float("inf")}},
        {"data": {None: 1}},
        {"data": {(1, 2): 3}},
        {"data": {"nul": "a\0b"}},
        {"data": {"a\0b": 1}},
        {"data": ["\ud800"]},
        {"data": b"bytes"},
    ],
)
def test_a_bad_field_is_a_bad_alert(fields: dict[str, Any]) -> None:
    with pytest.raises(BadAlert):
        alert(**{"to": "everyone", "message": "x", **fields})


def test_data_nested_without_end_is_a_bad_alert() -> None:
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    with pytest.raises(BadAlert):
        alert(to="everyone", message="x", data=nested)


@pytest.mark.whole_table
@pytest.mark.parametrize(
    "fields",
    [
        {"message": "x" * MESSAGE_LIMIT},
        {"message": "<script>alert(1)</script>"},
        {"message": "сообщение 🎉 \u202e"},
        {"title": "x" * TITLE_LIMIT},
        {"url": "/orders/7/?a=b#c"},
        {"url": "https://example.com/ü"},
        {"url": "HTTP://example.com"},
        {"data": {"n": 1, "list": [1.5, None, True, "\\u0000 spelled out"]}},
        {"data": []},
        {"data": {"n": 2**53 - 1}},
        *({"level": level} for level in ("info", "success", "warning", "error", "debug")),
    ],
)
def test_what_can_be_sent_is_kept_as_it_is(fields: dict[str, Any]) -> None:
    described = alert(**{"to": "everyone", "message": "x", **fields})
    for name, value in fields.items():
        assert getattr(described, name) == value


def test_a_translated_text_is_fixed_when_the_alert_is_made() -> None:
    described = alert(to="everyone", message=gettext_lazy("Notifications"), title=gettext_lazy("Chat"))  # type: ignore[arg-type]  # as text
    assert (type(described.message), described.message) == (str, "Notifications")
    assert (type(described.title), described.title) == (str, "Chat")


@pytest.mark.slow
@given(
    st.text(max_size=20)  # of whole characters: tests/hub/test_half_characters.py is about halves
    | st.sampled_from(["x" * MESSAGE_LIMIT, "\U0001f600" * MESSAGE_LIMIT])
)
def test_whatever_a_client_may_send_can_be_an_alert(text: str) -> None:
    try:
        message, _ = read(json.dumps({"message": text}))
    except BadMessage:
        return
    assert alert(to="everyone", message=message).message == text


@pytest.mark.parametrize("text", ["\u1160", "\u200b", " \u2060 ", "\u2800", "\ufe0f", "\u0301"], ids=ascii)
def test_nothing_visible_is_no_message_and_no_title(text: str) -> None:
    with pytest.raises(BadAlert, match="message"):
        alert(to="everyone", message=text)
    with pytest.raises(BadAlert, match="title"):
        alert(to="everyone", message="x", title=text)
