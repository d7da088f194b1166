"""``hub.limits``: how often something may be done, counted over all processes."""

import asyncio
import os
import sys

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client
from django.urls import path
from django.utils import translation
from prometheus_client import REGISTRY
from pytest_django.fixtures import Settings

from hub.config import faults
from hub.limits import Limit, TooMany
from hub.limits import rates as limits
from lab.harness import forking
from lab.harness.environment import BASE_DIR
from lab.harness.redis_server import RedisServer

LIMIT = Limit("trial", "limit_signup", "You have tried too often.")


@pytest.fixture(autouse=True)
def three_a_minute(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.HUB_LIMIT_SIGNUP = "3/minute"
    monkeypatch.setattr(limits, "_counters", None)


def taken(*who: object, tries: int = 10) -> int:
    """How many of so many tries are allowed."""
    allowed = 0
    for _ in range(tries):
        try:
            limits.take(LIMIT, *who)
        except TooMany:
            continue
        allowed += 1
    return allowed


def test_so_many_are_allowed_and_no_more() -> None:
    assert taken("ann") == 3


def test_each_counts_alone() -> None:
    assert [taken("ann"), taken("bob"), taken("ann", "192.0.2.1"), taken("ann"), taken(7), taken(None)] == [
        3,
        3,
        3,
        0,
        3,
        3,
    ]


@pytest.mark.parametrize("who", ["", "a/b", "x" * 100_000, "\ud800", "\0", "аdmin", "*"])
def test_who_may_be_any_text(who: str, redis_server: RedisServer) -> None:
    assert taken(who) == 3
    (key, *_) = redis_server.client.keys("*limits*")
    assert len(key) < 120


def test_refusal_says_what_and_when() -> None:
    taken("ann")
    with pytest.raises(TooMany) as refusal:
        limits.take(LIMIT, "ann")
    assert refusal.value.limit is LIMIT
    assert 1 <= refusal.value.retry_after <= 60
    assert refusal.value.sentence.startswith("You have tried too often. Try again in ")


@pytest.mark.parametrize(
    ("seconds", "sentence"),
    [
        (1, "Try again in 1 second."),
        (89, "Try again in 89 seconds."),
        (91, "Try again in 2 minutes."),
        (5400, "Try again in 2 hours."),
        (86_400 * 2, "Try again in some days."),
    ],
)
def test_wait_in_words(seconds: int, sentence: str) -> None:
    with translation.override("en"):
        assert TooMany(LIMIT, seconds).sentence == f"You have tried too often. {sentence}"


def test_looking_counts_nothing() -> None:
    for _ in range(10):
        limits.look(LIMIT, "ann")
    assert taken("ann") == 3
    with pytest.raises(TooMany):
        limits.look(LIMIT, "ann")


def test_forgetting_begins_anew() -> None:
    taken("ann")
    limits.forget(LIMIT, "ann")
    assert taken("ann") == 3


def test_several_at_once_count_as_many() -> None:
    limits.take(LIMIT, "ann", cost=2)
    assert taken("ann") == 1


def test_more_at_once_than_the_limit_are_refused() -> None:
    with pytest.raises(TooMany):
        limits.take(LIMIT, "ann", cost=4)


@pytest.mark.parametrize(("rates", "allowed"), [("off", 10), ("5/minute; 2/day", 2), ("2/30 seconds", 2)])
def test_rates(settings: Settings, rates: str, allowed: int) -> None:
    settings.HUB_LIMIT_SIGNUP = rates
    assert taken("ann") == allowed


def test_try_that_one_rate_refuses_counts_for_no_other(settings: Settings) -> None:
    settings.HUB_LIMIT_SIGNUP = "5/hour; 2/day"
    assert taken("ann", tries=20) == 2
    settings.HUB_LIMIT_SIGNUP = "5/hour"
    assert taken("ann", tries=20) == 3


@pytest.mark.parametrize("rates", ["", "fast", "0/minute", "3 per fortnight", "3/minute;", "-1/day", "3/0 minutes", 3])
def test_rates_that_are_none_are_an_invalid_setting(settings: Settings, rates: object) -> None:
    settings.HUB_LIMIT_SIGNUP = rates
    (fault,) = faults()
    assert fault.startswith("HUB_LIMIT_SIGNUP must be rates such as '10/minute'")


@pytest.mark.slow
def test_another_process_counts_with_this_one() -> None:
    code = "import django; django.setup(); from tests.hub.test_rates import taken; print(taken('ann', tries=2))"
    there = forking.run(
        [sys.executable, "-c", code],
        cwd=BASE_DIR,
        env={**os.environ, "HUB_LIMIT_SIGNUP": "3/minute"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert there.stdout.split() == ["2"]
    assert taken("ann") == 1


@pytest.mark.slow
def test_process_counts_for_itself_while_redis_is_away(redis_server: RedisServer) -> None:
    redis_server.stop()
    try:
        assert taken("ann") == 3
    finally:
        redis_server.start()


def test_refusals_are_counted() -> None:
    before = REGISTRY.get_sample_value("hub_refused_total", {"limit": "trial"}) or 0.0
    taken("ann")
    assert REGISTRY.get_sample_value("hub_refused_total", {"limit": "trial"}) == before + 7


def test_two_limits_of_one_name_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_declared", {})
    limits.declare("trial", setting="limit_signup", sentence="")
    with pytest.raises(ValueError, match="trial"):
        limits.declare("trial", setting="limit_signup", sentence="")


def refusing_view(request: HttpRequest) -> HttpResponse:
    raise TooMany(LIMIT, 30)


async def refusing_async_view(request: HttpRequest) -> HttpResponse:
    await asyncio.sleep(0)
    raise TooMany(LIMIT, 30)


urlpatterns = [path("refusing/", refusing_view), path("refusing-async/", refusing_async_view)]


@pytest.mark.django_db
@pytest.mark.parametrize("url", ["/refusing/", "/refusing-async/"])
def test_view_over_a_limit_answers_429_with_a_page(client: Client, settings: Settings, url: str) -> None:
    settings.ROOT_URLCONF = __name__
    response = client.get(url)
    assert response.status_code == 429
    assert response["Retry-After"] == "30"
    assert "You have tried too often. Try again in 30 seconds." in response.content.decode()


@pytest.mark.parametrize("url", ["/refusing/", "/refusing-async/"])
async def test_server_answers_429_with_a_page(async_client: AsyncClient, settings: Settings, url: str) -> None:
    settings.ROOT_URLCONF = __name__
    response = await async_client.get(url)
    assert response.status_code == 429
    assert response["Retry-After"] == "30"
