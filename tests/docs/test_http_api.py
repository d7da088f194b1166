"""``docs/howto/publish-over-http.md`` lists the methods, errors and limits of the code, and its example works."""

import ast
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient, Client

import hub.urls  # noqa: F401  # registers the methods
from hub.api import calling, keys, publishing
from hub.api.answering import BATCH
from hub.api.errors import Code
from hub.api.method import method_named, methods
from hub.api.scope import Scope
from hub.config import hub_settings
from hub.limits.connections import BODY_LIMIT
from hub.streams import history
from hub.validation.nesting import DEPTH_LIMIT
from notifications.models import Notification
from tests.docs.documents import block, blocks, prose, table
from tests.docs.shop import shop

HOW_TO = "docs/howto/publish-over-http.md"

SHIP = """
import asyncio
from django.conf import settings
from django.test import AsyncClient
settings.ALLOWED_HOSTS = ["testserver"]
from hub.api import keys
from hub.api.scope import Scope
from hub.people.models import User
from shop.models import Order
order = Order.objects.create(number="1042", customer=User.objects.create_user("ada"))
_, key = keys.issue("a test", Scope(frozenset(["ship"]), ("*",)))

async def ship(pk):
    body, kind = {"order": pk}, "application/json"
    answer = await AsyncClient().post("/api/ship", body, content_type=kind, headers={"X-API-Key": key})
    return answer.json()

print(asyncio.run(ship(order.pk)), asyncio.run(ship(0)), Order.objects.get().shipped_at is not None)
"""


def test_every_method_is_documented() -> None:
    documented = {name.strip("`") for name, *_ in table(HOW_TO, "method", "request")}
    assert documented == {method.name for method in methods()} | {BATCH}


@pytest.mark.parametrize("column", [1, 2], ids=["request", "result"])
def test_documented_fields_exist(column: int) -> None:
    for row in table(HOW_TO, "method", "request"):
        name = row[0].strip("`")
        if name == BATCH:
            continue
        method = method_named(name)
        assert method is not None
        kind = method.request if column == 1 else method.result
        outer = re.sub(r"\(.*?\)|→.*", "", row[column])
        named = {word for word in re.findall(r"`(\w+)`", outer) if word not in {"publish", "result", "error"}}
        assert named <= set(kind.__struct_fields__), name


#: A backend neither subscribes nor presents a signed token.
ONLY_CLIENTS = {Code.ALREADY_SUBSCRIBED, Code.TOKEN_EXPIRED}


def test_every_error_is_documented() -> None:
    assert [int(code) for code, *_ in table(HOW_TO, "code", "means")] == [
        int(code) for code in Code if code not in ONLY_CLIENTS
    ]


def test_limits_are_those_of_the_code() -> None:
    text = prose(HOW_TO)
    assert (publishing.CHANNELS_LIMIT, calling.BATCH_LIMIT, history.PAGE_LIMIT) == (1000, 1000, 1000)
    assert f"more than {hub_settings().max_publication // 1024} KiB" in text
    assert f"more than {DEPTH_LIMIT} levels" in text
    assert f"more than {BODY_LIMIT // 1024 // 1024} MiB" in text


def test_request_of_the_example_can_be_read() -> None:
    (curl,) = [code for code in blocks(HOW_TO, "sh") if code.startswith("curl")]
    found = re.search(r"-d '(.*)'", curl)
    assert found and publishing.PublishRequest(**json.loads(found[1])).channel == "user:42"


@pytest.mark.django_db(transaction=True)
async def test_call_of_the_readme_sends_an_alert(async_client: AsyncClient) -> None:
    (curl,) = [line for code in blocks("README.md", "sh") for line in code.splitlines() if "X-API-Key" in line]
    found = re.search(r"127\.0\.0\.1:8000(\S+) .* -d '(.*)'", curl)
    assert found
    _, key = await sync_to_async(keys.issue)("shop", Scope(frozenset(["*"]), ("*",)))
    kind = "application/x-www-form-urlencoded"  # as curl says of what follows -d
    answer = await async_client.post(found[1], found[2], content_type=kind, headers={"X-API-Key": key})
    (stored,) = answer.json()["result"]["ids"]
    assert await Notification.objects.filter(pk=stored, message="Hello from curl").aexists()


@pytest.mark.django_db(transaction=True)
def test_function_in_python_sends_an_alert_and_raises_what_is_refused(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def post(url: str, *, json: Any, headers: dict[str, str], timeout: int) -> httpx.Response:
        answer = client.post(urlsplit(url).path, json, content_type="application/json", headers=headers)
        return httpx.Response(answer.status_code, content=answer.content, request=httpx.Request("POST", url))

    _, key = keys.issue("shop", Scope(frozenset(["notify"]), ("*",)))
    monkeypatch.setenv("API_KEY", key)
    monkeypatch.setattr(httpx, "post", post)
    (shown,) = re.findall(r"`call(\(.*\))`", prose(HOW_TO))
    method, request = ast.literal_eval(shown)
    names: dict[str, Any] = {}
    exec(block(HOW_TO, "hub_api.py"), names)  # noqa: S102  # code of our own document
    (stored,) = names["call"](method, request | {"to": "everyone"})["ids"]
    assert Notification.objects.get(pk=stored).message == "Order 7 is on its way"
    with pytest.raises(httpx.HTTPStatusError):
        names["call"]("publish", {"channel": "everyone", "data": {}})


@pytest.mark.any_database
@pytest.mark.slow
@pytest.mark.live
def test_method_of_an_app_is_found_and_works(tmp_path: Path) -> None:
    files = {
        "shop/models.py": block("README.md", "shop/models.py"),
        "shop/api.py": block(HOW_TO, "shop/api.py"),
        "shop/migrations/__init__.py": "",
    }
    with shop(tmp_path, files) as project:
        said = project.run(SHIP)
    assert "{'result': {'number': '1042'}}" in said
    assert "'code': 107" in said and said.rstrip().endswith("True")
