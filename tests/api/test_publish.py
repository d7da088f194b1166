"""``publish`` and ``broadcast``: what is stored, under which key, and what is refused."""

import asyncio
import base64
import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError, transaction

from hub import streams
from hub.models import Publication, PublicationKey, Stream
from hub.publishing import PayloadTooBig, idempotency, publish_many
from tests.api.calling import Api
from tests.hub.listeners import Listener, follow
from tests.support.people import id_of_nobody


async def stored(channel: str) -> list[str]:
    rows = Publication.objects.filter(channel=channel).order_by("id")
    return [text async for text in rows.values_list("data", flat=True)]


async def test_reply_says_where_the_publication_stands(api: Api) -> None:
    assert (await api.result("publish", channel="kept:1", data={"n": 1}))["offset"] == 1
    result = await api.result("publish", channel="kept:1", data={"n": 2})
    stream = await Stream.objects.aget(channel="kept:1")
    assert result == {"offset": 2, "epoch": stream.epoch}
    assert await stored("kept:1") == ['{"n":1}', '{"n":2}']


@pytest.mark.parametrize("channel", ["user:a.b", "room:007", "room:", "topic:a/b", "everyone:1", "online:1"])
async def test_channel_that_nobody_could_ever_subscribe_to_is_unknown(api: Api, channel: str) -> None:
    known = id_of_nobody()
    for method, more in (
        ("publish", {"data": 1}),
        ("history", {}),
        ("presence", {}),
        ("subscribe", {"user": known}),
    ):
        assert await api.error(method, channel=channel, **more) == 102
    replies = (await api.result("broadcast", channels=["everyone", channel], data=1))["responses"]
    assert [reply.get("error", {}).get("code") for reply in replies] == [None, 102]
    assert not await stored(channel)
    # Whether there is somebody of that id is not asked.
    assert (await api.result("publish", channel=f"user:{known}", data=1))["offset"] == 1


async def test_publication_reaches_those_who_follow(api: Api) -> None:
    listener = Listener()
    await follow("kept:1", listener)
    await api.result("publish", channel="kept:1", data={"n": 1})
    await listener.got('{"n":1}')


@pytest.mark.whole_table
@pytest.mark.parametrize("data", [None, 0, "text", [], {}, [1, {"a": [None]}], "\u2028", 1.5, 2**53 - 1, True])
async def test_data_is_any_json(api: Api, data: Any) -> None:
    await api.result("publish", channel="kept:1", data=data)
    assert [json.loads(text) for text in await stored("kept:1")] == [data]


async def test_data_is_stored_on_one_line(api: Api) -> None:
    await api.raw("publish", '{"channel": "kept:1", "data": {\n"a":\r\n 1 }}')
    assert await stored("kept:1") == ['{"a":1}']


async def test_data_may_be_json_in_base64(api: Api) -> None:
    await api.result("publish", channel="kept:1", b64data=base64.b64encode(b'{"a": 1}').decode())
    assert await stored("kept:1") == ['{"a":1}']


@pytest.mark.parametrize(
    "text", ["####", base64.b64encode(b"\x00\x01").decode(), base64.b64encode(b"[" * 9999).decode()]
)
async def test_base64_of_something_else_is_refused(api: Api, text: str) -> None:
    assert await api.error("publish", channel="kept:1", b64data=text) == 107


async def test_live_namespace_stores_nothing(api: Api) -> None:
    listener = Listener()
    await follow("live:1", listener)
    assert await api.result("publish", channel="live:1", data={"n": 1}) == {}
    await listener.got('{"n":1}')
    assert await stored("live:1") == []


async def test_skip_history_stores_nothing(api: Api) -> None:
    listener = Listener()
    await follow("kept:1", listener)
    assert await api.result("publish", channel="kept:1", data={"n": 1}, skip_history=True) == {}
    await listener.got('{"n":1}')
    assert await stored("kept:1") == []


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"data": 1}, 107),
        ({"channel": "", "data": 1}, 107),
        ({"channel": "kept:1"}, 107),
        ({"channel": 7, "data": 1}, 107),
        ({"channel": "nothing:1", "data": 1}, 102),
        ({"channel": "kept:1\n", "data": 1}, 102),
        ({"channel": "kept:" + "1" * 65, "data": 1}, 102),
        ({"channel": "hidden", "data": 1}, 102),
        ({"channel": "hidden", "data": 1, "skip_history": True}, 102),
        ({"channel": "control", "data": 1}, 102),
        ({"channel": "kept:1", "data": "x" * (64 * 1024)}, 107),
        ({"channel": "kept:1", "data": 1, "tags": {"a": 1}}, 107),
        ({"channel": "kept:1", "data": 1, "tags": ["a"]}, 107),
        ({"channel": "kept:1", "data": 1, "tags": {"": "b"}}, 107),
        ({"channel": "kept:1", "data": 1, "tags": {"a": "\0"}}, 107),
        ({"channel": "kept:1", "data": 1, "tags": {"a" * 65: "b"}}, 107),
        ({"channel": "kept:1", "data": 1, "tags": {"a": "b" * 257}}, 107),
        ({"channel": "kept:1", "data": 1, "tags": {str(number): "" for number in range(17)}}, 107),
        ({"channel": "kept:1", "data": 1, "version": 3}, 108),
        ({"channel": "kept:1", "data": 1, "idempotency_key": "k" * 201}, 107),
        ({"channel": "kept:1", "data": 1, "idempotency_key": "a\0b"}, 107),
    ],
)
async def test_what_cannot_be_published_is_refused(api: Api, request_: dict[str, Any], code: int) -> None:
    assert await api.error("publish", **request_) == code
    assert await Publication.objects.acount() == 0


async def test_data_of_exactly_the_limit_is_taken(api: Api) -> None:
    assert (await api.result("publish", channel="kept:1", data="x" * (64 * 1024 - 2)))["offset"] == 1


@pytest.mark.parametrize(("depth", "taken"), [(100, True), (101, False)])
async def test_data_is_nested_a_hundred_levels_at_most(api: Api, depth: int, taken: bool) -> None:
    body = '{"channel": "kept:1", "data": ' + '{"a": [' * (depth // 2) + "[" * (depth % 2)
    body += "]" * (depth % 2) + "]}" * (depth // 2) + "}"
    _, reply = await api.raw("publish", body)
    assert ("result" in reply) is taken


async def test_same_key_stores_once_and_gets_the_same_reply(api: Api) -> None:
    first = await api.result("publish", channel="kept:1", data=1, idempotency_key="order:7")
    assert await api.result("publish", channel="kept:1", data=1, idempotency_key="order:7") == first
    assert first["offset"] == 1
    assert await stored("kept:1") == ["1"]


@pytest.mark.slow
async def test_same_key_at_the_same_time_stores_once(api: Api) -> None:
    calls = [api.result("publish", channel="kept:1", data=1, idempotency_key="order:7") for _ in range(8)]
    replies = await asyncio.gather(*calls)
    assert await stored("kept:1") == ["1"]
    assert len({reply["offset"] for reply in replies}) == 1


async def test_key_belongs_to_its_channel(api: Api) -> None:
    for channel in ("kept:1", "kept:2"):
        await api.result("publish", channel=channel, data=1, idempotency_key="order:7")
    assert (await stored("kept:1"), await stored("kept:2")) == (["1"], ["1"])


async def test_same_key_sends_once_what_is_live_only(api: Api) -> None:
    listener = Listener()
    await follow("live:1", listener)
    for _ in range(2):
        assert await api.result("publish", channel="live:1", data=1, idempotency_key="k") == {}
    await api.result("publish", channel="live:1", data="last")
    await listener.got("1", '"last"')


async def test_key_outlives_its_publication(api: Api) -> None:
    await api.result("publish", channel="kept:1", data=1, idempotency_key="k")
    await api.result("history_remove", channel="kept:1")
    assert await api.result("publish", channel="kept:1", data=1, idempotency_key="k") == {}
    assert await stored("kept:1") == []


async def test_old_keys_are_forgotten_and_young_ones_are_not(api: Api) -> None:
    for key in ("old", "young"):
        await api.result("publish", channel="kept:1", data=key, idempotency_key=key)
    old = PublicationKey.objects.filter(key="old")
    row = await old.aget()
    await old.aupdate(created_at=row.created_at - idempotency.REMEMBERED)
    assert await sync_to_async(idempotency.forget_old)() == 1
    assert [row.key async for row in PublicationKey.objects.all()] == ["young"]


async def test_refused_publication_leaves_its_key_free(api: Api) -> None:
    assert await api.error("publish", channel="kept:1", idempotency_key="k") == 107
    assert (await api.result("publish", channel="kept:1", data=1, idempotency_key="k"))["offset"] == 1


@pytest.mark.usefixtures("transactional_db")
def test_key_that_somebody_stores_after_the_look_is_looked_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []

    def overtaken(publications: Any, **options: Any) -> list[Publication]:
        rows = publish_many(publications, **options)
        looks.append(len(rows))
        if len(looks) == 1:
            PublicationKey.objects.create(channel="kept:1", key="k")
        return rows

    monkeypatch.setattr(idempotency, "publish_many", overtaken)
    idempotency.publish_once("k", {"kept:1": {"n": 1}})
    assert len(looks) == 2
    assert (Publication.objects.count(), PublicationKey.objects.count()) == (1, 1)


class RolledBack(Exception):
    """Ends a transaction."""


@pytest.mark.usefixtures("transactional_db")
def test_rolled_back_transaction_leaves_neither_publication_nor_key() -> None:
    with pytest.raises(RolledBack), transaction.atomic():
        idempotency.publish_once("k", {"kept:1": {"n": 1}})
        raise RolledBack
    assert not Publication.objects.exists() and not PublicationKey.objects.exists()


@pytest.mark.usefixtures("transactional_db")
def test_one_channel_that_fails_stores_nothing_of_the_others() -> None:
    with pytest.raises(PayloadTooBig):
        idempotency.publish_once("k", {"kept:1": {"n": 1}, "live:1": {"n": "x" * 70_000}})
    assert not Publication.objects.exists() and not PublicationKey.objects.exists()


async def test_database_that_fails_is_error_100_and_nothing_is_stored(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(streams, "append", fail)
    assert await api.error("publish", channel="kept:1", data=1) == 100
    monkeypatch.undo()
    assert await stored("kept:1") == []


async def test_stored_but_not_numbered_yet_is_success(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(channels: object) -> list[streams.Envelope]:
        raise OperationalError("busy")

    monkeypatch.setattr(streams, "sequence", fail)
    assert await api.result("publish", channel="kept:1", data=1) == {}
    assert await stored("kept:1") == ["1"]


async def test_what_another_call_has_not_numbered_yet_is_numbered_for_the_reply(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = streams.sequence, []

    def fail_once(channels: set[str]) -> list[streams.Envelope]:
        calls.append(channels)
        if len(calls) == 1:
            raise OperationalError("busy")
        return real(channels)

    monkeypatch.setattr(streams, "sequence", fail_once)
    assert (await api.result("publish", channel="kept:1", data=1, idempotency_key="k"))["offset"] == 1


async def test_broadcast_stores_in_each_channel_and_replies_in_order(api: Api) -> None:
    await api.result("publish", channel="kept:2", data=0)
    channels = ["kept:2", "nothing:1", "live:1", "kept:1", "hidden", "kept:2"]
    responses = (await api.result("broadcast", channels=channels, data={"n": 1}))["responses"]
    assert [reply.get("result", {}).get("offset") for reply in responses] == [2, None, None, 1, None, 3]
    assert [reply.get("error", {}).get("code") for reply in responses] == [None, 102, None, None, 102, None]
    assert responses[2] == {"result": {}}
    assert await stored("kept:1") == ['{"n":1}']


@pytest.mark.slow
async def test_broadcast_to_a_thousand_channels_is_one_transaction(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    numbered: list[int] = []
    real = streams.sequence

    def counted(names: set[str]) -> list[streams.Envelope]:
        numbered.append(len(names))
        return real(names)

    monkeypatch.setattr(streams, "sequence", counted)
    channels = [f"kept:{number}" for number in range(1000)]
    responses = (await api.result("broadcast", channels=channels, data=1, idempotency_key="k"))["responses"]
    assert numbered == [1000]
    assert {reply["result"]["offset"] for reply in responses} == {1}
    again = await api.result("broadcast", channels=[*channels[:999], "kept:new"], data=1, idempotency_key="k")
    assert again["responses"][:999] == responses[:999]
    assert await Publication.objects.acount() == 1001


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"channels": [], "data": 1}, 107),
        ({"data": 1}, 107),
        ({"channels": ["kept:1"]}, 107),
        ({"channels": "kept:1", "data": 1}, 107),
        ({"channels": ["kept:1"] * 1001, "data": 1}, 106),
    ],
)
async def test_what_cannot_be_broadcast_is_refused(api: Api, request_: dict[str, Any], code: int) -> None:
    assert await api.error("broadcast", **request_) == code
