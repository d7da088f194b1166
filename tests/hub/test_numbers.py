"""Whole numbers that browsers would round are refused wherever data comes in, with a sentence that says what to do."""

import json
from typing import Any

import msgspec
import pytest
from asgiref.sync import sync_to_async

from hub.channels import Namespace, anyone
from hub.models import Publication
from hub.publishing import RoundedNumber, publish, publish_ephemeral
from hub.validation.numbers import LARGEST, is_rounded
from notifications import alert, notify
from notifications.sending.alerting import BadAlert
from tests.api.calling import Api, key_for
from tests.connection.wire import wired
from tests.support.namespaces import declare
from tests.support.people import User

WRITE_AS_TEXT = "write long numbers as text"

ROUNDED: list[Any] = [LARGEST + 1, -LARGEST - 1, 2**63, -(2**63), 2**64, 10**30]
NESTED = [lambda value: value, lambda value: [value], lambda value: {"a": {"b": [1, {"c": value}]}}]
KEPT: list[Any] = [
    LARGEST,
    -LARGEST,
    0,
    1e300,
    1.5e-300,
    1e16,
    str(2**63),
    "9" * 40,
    True,
    {"9" * 20: 1},
    12345.678901,
]


@pytest.mark.parametrize("value", ROUNDED)
@pytest.mark.parametrize("nest", NESTED)
def test_a_rounded_number_is_found_however_deep(value: int, nest: Any) -> None:
    assert is_rounded(json.dumps(nest(value)))


@pytest.mark.parametrize("value", KEPT)
@pytest.mark.parametrize("nest", NESTED)
def test_what_every_client_keeps_is_not(value: Any, nest: Any) -> None:
    assert not is_rounded(json.dumps(nest(value)))
    assert not is_rounded(msgspec.json.encode(nest(value)).decode())


@pytest.mark.parametrize("text", ["9" * 5000, "[" * 50_000, '"\\"9999999999999999"', "-0", "1e400"])
def test_hostile_text_is_answered_in_bounded_time(text: str) -> None:
    assert is_rounded(text) is text.isdigit()


@pytest.mark.django_db
@pytest.mark.parametrize("value", ROUNDED)
@pytest.mark.parametrize("nest", NESTED)
def test_alerts_and_publications_refuse_it(value: int, nest: Any) -> None:
    with pytest.raises(BadAlert, match=WRITE_AS_TEXT):
        alert(to="everyone", message="x", data=nest(value))
    with pytest.raises(BadAlert, match=WRITE_AS_TEXT):
        notify(to="everyone", message="x", data=nest(value))
    for verb in (publish, publish_ephemeral):
        with pytest.raises(RoundedNumber, match=WRITE_AS_TEXT):
            verb("everyone", {"type": "x", "data": nest(value)})
    assert not Publication.objects.exists()


@pytest.mark.whole_table
@pytest.mark.django_db
@pytest.mark.parametrize("value", KEPT)
def test_alerts_keep_the_others(value: Any) -> None:
    (row,) = notify(to="everyone", message="x", data={"value": value})
    row.refresh_from_db()
    # PostgreSQL writes 1e300 with all its digits, which is the same number to JSON.
    kept = float(row.data["value"]) if isinstance(value, float) else row.data["value"]
    assert kept == value


def test_a_whole_number_as_a_key_is_text_to_every_client() -> None:
    assert alert(to="everyone", message="x", data={2**60: 1}).data == {2**60: 1}


@pytest.mark.parametrize("value", [LARGEST + 1, 2**63, 10**30])
@pytest.mark.django_db(transaction=True)
async def test_the_api_refuses_it_in_every_method(value: int) -> None:
    api = Api(await sync_to_async(key_for)())
    data = {"type": "x", "order": [value]}
    calls: list[tuple[str, dict[str, Any]]] = [
        ("publish", {"channel": "everyone", "data": data}),
        ("broadcast", {"channels": ["everyone"], "data": data}),
        ("notify", {"to": "everyone", "message": "x", "data": data}),
    ]
    for method, request in calls:
        error = (await api(method, **request))["error"]
        assert (error["code"], WRITE_AS_TEXT in error["message"]) == (107, True), error


@pytest.mark.django_db(transaction=True)
async def test_a_client_that_publishes_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    declare(monkeypatch, Namespace("news", can_subscribe=anyone, can_publish=anyone))
    ada = await User.objects.acreate_user("ada")
    async with wired(ada) as wire:
        reply = await wire.ask(publish={"channel": "news:1", "data": {"type": "x", "id": 2**60}})
        assert reply["error"]["code"] == 107
        assert "error" not in await wire.ask(publish={"channel": "news:1", "data": {"type": "x", "id": str(2**60)}})
