"""Metrics and the details of health are for operators: by address, also behind proxies, or by token."""

import json
from typing import Any

import pytest
from django.test import Client, RequestFactory
from pytest_django.fixtures import Settings

from hub.config import UnusableEnvironment, read_environment
from hub.settings import SECURE_REDIRECT_EXEMPT
from hub.web import health

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.any_database]

TOKEN = "zR4mK8vQ2xT6yW1nB5cJ9hL3pD7fG0sA"

#: What a request comes with, and whether it is an operator's where these are addresses: this machine and 10.1.0.0/16.
REQUESTS: list[tuple[dict[str, Any], bool]] = [
    ({"REMOTE_ADDR": "127.0.0.1"}, True),
    ({"REMOTE_ADDR": "127.9.9.9"}, True),
    ({"REMOTE_ADDR": "::1"}, True),
    ({"REMOTE_ADDR": "::ffff:127.0.0.1"}, True),
    ({"REMOTE_ADDR": "10.1.200.3"}, True),
    ({"REMOTE_ADDR": "10.2.0.1"}, False),
    ({"REMOTE_ADDR": "192.0.2.1"}, False),
    ({"REMOTE_ADDR": "2001:db8::1"}, False),
    ({"REMOTE_ADDR": ""}, False),
    ({"REMOTE_ADDR": "unix"}, False),
    ({"REMOTE_ADDR": "10.1.0.9", "HTTP_X_FORWARDED_FOR": "10.1.0.9"}, True),
    ({"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "192.0.2.1"}, False),
    ({"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "127.0.0.1, 192.0.2.1"}, False),
    ({"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "192.0.2.1, 127.0.0.1"}, False),
    ({"REMOTE_ADDR": "192.0.2.1", "HTTP_X_FORWARDED_FOR": "127.0.0.1"}, False),
    ({"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": ""}, False),
    ({"REMOTE_ADDR": "127.0.0.1", "HTTP_FORWARDED": "for=127.0.0.1"}, False),
    ({"REMOTE_ADDR": "127.0.0.1", "HTTP_X_REAL_IP": "127.0.0.1"}, False),
    ({"REMOTE_ADDR": "127.0.0.1", "HTTP_VIA": "1.1 proxy"}, False),
    ({"REMOTE_ADDR": "192.0.2.1", "HTTP_AUTHORIZATION": f"Bearer {TOKEN}"}, True),
    ({"REMOTE_ADDR": "192.0.2.1", "HTTP_AUTHORIZATION": f"bearer  {TOKEN} "}, True),
    ({"REMOTE_ADDR": "192.0.2.1", "HTTP_AUTHORIZATION": f"Basic {TOKEN}"}, False),
    ({"REMOTE_ADDR": "192.0.2.1", "HTTP_AUTHORIZATION": f"Bearer {TOKEN[:-1]}"}, False),
    ({"REMOTE_ADDR": "192.0.2.1", "HTTP_AUTHORIZATION": "Bearer "}, False),
    ({"REMOTE_ADDR": "192.0.2.1", "HTTP_AUTHORIZATION": "Bearer \u00fc\u20ac"}, False),
]


@pytest.fixture(autouse=True)
def operators(settings: Settings) -> None:
    settings.HUB_OPERATOR_ADDRESSES = ["127.0.0.0/8", "::1", "10.1.0.0/16"]
    settings.HUB_OPERATOR_TOKEN = TOKEN


@pytest.mark.parametrize(("extra", "is_operator"), REQUESTS)
def test_metrics_answer_operators_only(client: Client, extra: dict[str, Any], is_operator: bool) -> None:
    answer = client.get("/metrics", **extra)
    assert answer.status_code == (200 if is_operator else 403)
    assert (b"hub_sockets" in answer.content) is is_operator


@pytest.mark.parametrize(("extra", "is_operator"), REQUESTS)
async def test_readiness_says_yes_or_no_to_others(extra: dict[str, Any], is_operator: bool) -> None:
    answer = await health.ready(RequestFactory().get("/health/ready", **extra))
    assert answer.status_code == 200
    body: dict[str, Any] = json.loads(answer.content)
    assert ("checks" in body) is is_operator
    if not is_operator:
        assert body == {"status": "ready"}  # degraded, which is nobody else's business


async def test_others_are_told_when_a_process_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.web.health._draining", True)
    answer = await health.ready(RequestFactory().get("/health/ready", REMOTE_ADDR="192.0.2.1"))
    assert (answer.status_code, json.loads(answer.content)) == (503, {"status": "unavailable"})


def test_without_token_nobody_gets_in_by_token(client: Client, settings: Settings) -> None:
    settings.HUB_OPERATOR_TOKEN = ""
    for header in ("Bearer ", "Bearer", f"Bearer {TOKEN}"):
        assert client.get("/metrics", REMOTE_ADDR="192.0.2.1", HTTP_AUTHORIZATION=header).status_code == 403


def test_without_addresses_only_the_token_opens(client: Client, settings: Settings) -> None:
    settings.HUB_OPERATOR_ADDRESSES = []
    assert client.get("/metrics").status_code == 403
    assert client.get("/metrics", HTTP_AUTHORIZATION=f"Bearer {TOKEN}").status_code == 200


@pytest.mark.parametrize("text", ["localhost", "10.0.0.0/33", "10.0.0", "*", "10.0.0.1;10.0.0.2"])
def test_what_is_no_network_is_named(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("HUB_OPERATOR_ADDRESSES", text)
    with pytest.raises(UnusableEnvironment, match="HUB_OPERATOR_ADDRESSES must be addresses and networks"):
        read_environment()


def test_networks_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for text, expected in [
        ("10.0.0.1/8, fd00::/8", ["10.0.0.1/8", "fd00::/8"]),
        ("none", []),
        ("", ("127.0.0.0/8", "::1")),
    ]:
        monkeypatch.setenv("HUB_OPERATOR_ADDRESSES", text)
        assert read_environment().operator_addresses == expected


def test_metrics_are_not_redirected_to_https(client: Client, settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_REDIRECT_EXEMPT = SECURE_REDIRECT_EXEMPT
    assert client.get("/metrics").status_code == 200
    assert client.get("/metrics/x").status_code == 301
