"""Whatever comes in is answered with a reply of the protocol: no traceback, nothing stored by half."""

import json
from contextlib import suppress
from itertools import product
from typing import Any

import msgspec
import pytest
from asgiref.sync import async_to_sync
from django.db import DataError
from django.db.backends.utils import CursorWrapper
from django.db.models import JSONField
from django.test import AsyncClient, Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.api.method import methods
from hub.concurrency import node
from tests.api.calling import Api

#: What `json.dumps` makes of these is JSON for Python, not always for others.
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from(
    ["channel", "channels", "data", "b64data", "user", "client", "limit", "since", "reverse", "idempotency_key",
     "skip_history", "tags", "disconnect", "whitelist", "expire_at", "pattern", "commands", "to", "message", "key"]
)  # fmt: skip  # one in a line says no more
CHANNELS = st.sampled_from(
    ["kept:1", "live:1", "hidden", "control", "nothing", "kept:", ":", "kept:\0", "kept:\ud800"]
)
REQUESTS = st.dictionaries(FIELDS, JSON | CHANNELS, max_size=6)
NULS: list[Any] = ["a\0b", ["a\0b"], [{"name": "a\0b", "channel": "a\0b"}], {"a\0b": "a\0b"}]
METHODS = st.sampled_from(["batch", *sorted(method.name for method in methods())])


@pytest.mark.parametrize("method", ["publish", "broadcast", "history", "batch", "notify"])
@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"\xff\xfe",
        b'{"channel": "\xff"}',
        b'{"channel": "kept:1", "data": NaN}',
        b'{"channel": "kept:1", "data": "\\ud800"}',
        b'{"channel": "kept:1", "data": 1} trailing',
        b"null",
        b"[]",
        b"7",
        b'"text"',
        b"\0",
        b'{"channel": "kept:1", "data": 1',
        b"{" + b" " * 900_000,
        b'{"channel": {"$ne": null}, "channels": {"a": 1}, "commands": {}, "to": {}, "message": []}',
    ],
)
async def test_what_is_no_request_is_error_107(api: Api, method: str, body: bytes) -> None:
    status, reply = await api.raw(method, body)
    assert (status, reply["error"]["code"]) == (200, 107)
    assert len(reply["error"]["message"]) < 300


@pytest.mark.parametrize("number", ["1e999", "-1e999", "[1e999]"])
async def test_numbers_that_are_infinite_are_refused(api: Api, number: str) -> None:
    _, reply = await api.raw("publish", f'{{"channel": "kept:1", "data": {number}}}')
    assert reply["error"]["code"] == 107


async def test_info_needs_no_body(api: Api) -> None:
    status, reply = await api.raw("info", b"")
    assert status == 200 and reply["result"]["nodes"]


async def test_content_type_does_not_matter(api: Api, async_client: AsyncClient) -> None:
    response = await async_client.post(
        "/api/publish",
        b'{"channel": "kept:1", "data": 1}',
        content_type="application/x-www-form-urlencoded",
        headers={"X-API-Key": api.key},
    )
    assert response.json()["result"]["offset"] == 1


@pytest.mark.parametrize("path", ["nothing", "publish/", "publish/more", "batch/../publish", "%00", "Publish"])
async def test_other_urls_are_method_not_found(api: Api, path: str) -> None:
    status, reply = await api.raw(path, b"{}")
    assert (status, reply["error"]["code"]) == (404, 104)


@pytest.mark.parametrize("verb", ["get", "put", "delete", "patch"])
def test_calls_are_posts(client: Client, verb: str) -> None:
    assert getattr(client, verb)("/api/publish").status_code == 405


def test_session_of_a_person_opens_nothing(admin_client: Client) -> None:
    assert admin_client.post("/api/info", b"{}", content_type="application/json").status_code == 401


@pytest.mark.slow
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(method=METHODS, request_=REQUESTS)
def test_any_fields_get_a_reply(api: Api, method: str, request_: dict[str, Any]) -> None:
    check(api, method, json.dumps(request_))


@pytest.mark.slow
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(method=METHODS, body=st.binary(max_size=200) | st.builds(lambda value: json.dumps(value).encode(), JSON))
def test_any_bytes_get_a_reply(api: Api, method: str, body: bytes) -> None:
    check(api, method, body)


def check(api: Api, method: str, body: str | bytes) -> None:
    """An error is one of those that the request causes: 100 would be a defect of the hub."""

    async def call() -> tuple[int, Any]:
        answer = await api.raw(method, body)
        await node.close()
        return answer

    status, reply = async_to_sync(call)()
    assert status == 200
    replies = reply.get("replies", [reply])
    assert all(each.get("error", {}).get("code") != 100 for each in replies), reply


@pytest.fixture
def no_nul_in_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """As PostgreSQL has it, which keeps none: SQLite does."""
    execute = CursorWrapper._execute  # type: ignore[attr-defined]  # the stubs do not know it

    def strict(self: Any, sql: str, params: Any, *others: Any) -> Any:
        if any(isinstance(one, str) and "\0" in one for one in params or ()):
            raise DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")
        return execute(self, sql, params, *others)

    prepare = JSONField.get_db_prep_save

    def strict_json(self: JSONField, value: Any, connection: Any) -> Any:
        if not hasattr(value, "resolve_expression") and "\\u0000" in json.dumps(value):
            raise DataError("unsupported Unicode escape sequence")
        return prepare(self, value, connection)

    monkeypatch.setattr(CursorWrapper, "_execute", strict)
    monkeypatch.setattr(JSONField, "get_db_prep_save", strict_json)


@pytest.mark.slow
@pytest.mark.usefixtures("no_nul_in_the_database")
async def test_text_that_no_database_keeps_is_refused_in_every_field(api: Api) -> None:
    failed = []
    for method in methods():
        fields = msgspec.structs.fields(method.request)
        needed = {field.name: method.example[field.name] for field in fields if field.required}
        for field, value, others in product(fields, NULS, (method.example, needed)):
            request = {**others, field.name: value}
            with suppress(msgspec.ValidationError):
                msgspec.convert(request, method.request)
                reply = await api(method.name, **request)
                if reply.get("error", {}).get("code") == 100:
                    failed.append((method.name, field.name, value))
    assert failed == []
