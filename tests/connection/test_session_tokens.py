"""A client of the client connection whose tokens end and are renewed, and which is counted."""

import json
from typing import Any

import pytest

from hub.access import revalidation, signed_tokens
from hub.access.reasons import Error, Failed
from hub.endpoints.centrifuge import subscribed, subscriptions
from hub.limits import connections
from hub.publishing import apublish
from hub.users import user_id, written_key
from tests.connection.wire import Wire, wired
from tests.support.people import User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.slow
async def test_a_subscription_whose_token_ends_is_subscribed_to_again(
    ada: User, bob: User, token_secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriptions, "GRACE", 0.0)
    channel = f"user:{user_id(bob)}"
    # And as much as a second less: whole seconds count.
    token = signed_tokens.subscription_token(user_id(ada), channel, seconds=3)
    async with wired(ada) as wire:
        found = (await wire.ask(subscribe={"channel": channel, "token": token}))["subscribe"]
        assert found["expires"] and found["ttl"] in {1, 2}
        unsubscribed = await wire.pushed("unsubscribe")
        assert (unsubscribed["channel"], unsubscribed["unsubscribe"]["code"]) == (channel, 2501)


async def test_a_subscription_token_is_renewed(ada: User, bob: User, token_secret: str) -> None:
    channel = f"user:{user_id(bob)}"
    async with wired(ada) as wire:
        await wire.ask(
            subscribe={"channel": channel, "token": signed_tokens.subscription_token(user_id(ada), channel, seconds=5)}
        )
        another = signed_tokens.subscription_token(user_id(bob), channel)
        assert (await wire.ask(3, sub_refresh={"channel": channel, "token": another}))["error"]["code"] == 103
        better = signed_tokens.subscription_token(user_id(ada), channel)
        answer = await wire.ask(3, sub_refresh={"channel": channel, "token": better})
        assert answer["sub_refresh"]["expires"] and answer["sub_refresh"]["ttl"] > 500
        expired = signed_tokens.subscription_token(user_id(ada), channel, seconds=-5)
        assert (await wire.ask(4, sub_refresh={"channel": channel, "token": expired}))["error"]["code"] == 109
        assert (await wire.pushed("unsubscribe"))["unsubscribe"]["code"] == 2501


@pytest.mark.parametrize(
    ("claims", "seconds", "code"),
    [
        ({"sub": "999999999"}, 600, 3500),
        ({"sub": ""}, 600, 3500),
        ({}, -5, 3005),
        ({"channel": "everyone"}, 600, 3500),
        ({}, 600, None),
    ],
)
async def test_a_connection_is_refreshed_with_a_token_of_the_same_user_only(
    ada: User, token_secret: str, claims: dict[str, Any], seconds: float, code: int | None
) -> None:
    async with wired(ada) as wire:
        token = signed_tokens.sign({"sub": user_id(ada), **claims}, seconds=seconds)
        await wire.client.receive(json.dumps({"id": 2, "refresh": {"token": token}}))
        assert wire.closed == code


async def test_channels_that_a_token_names_stay_although_their_rule_would_refuse_them(
    ada: User, bob: User, token_secret: str
) -> None:
    channel = f"user:{user_id(bob)}"
    token = signed_tokens.sign({"sub": user_id(ada), "channels": [channel]}, seconds=600)
    connect_ = json.dumps({"id": 1, "connect": {"token": token}})
    for _ in range(2):  # and once more, as after a reconnect
        wire = Wire()
        await wire.client.receive(connect_)
        assert channel in wire.lines[0]["connect"]["subs"]
        await revalidation.current().revalidate([wire.client])
        assert wire.client.receives(channel)
        assert not wire.pushes
        await apublish(channel, {"type": "a"})
        await wire.pushed("pub")
        await wire.disconnected()


@pytest.mark.any_database
@pytest.mark.parametrize("is_guest", [False, True], ids=["a user", "a guest"])
@pytest.mark.parametrize(
    ("said", "is_refused"),
    [
        ('{"user":"OWN"}', False),
        ('{"user":"OTHER"}', True),
        ("{}", False),
        ('{"user":null}', False),
        ('{"user":"OWN","page":"/"}', False),
        *((nonsense, False) for nonsense in ("5", '"OTHER"', "[]", "null", '{"user":7}', '{"user":{"id":"OTHER"}}')),
    ],
)
async def test_page_of_somebody_else_does_not_connect(
    ada: User, bob: User, said: str, is_refused: bool, is_guest: bool
) -> None:
    """The browser sends the session that it has by now."""
    for other in ("", user_id(ada)) if is_guest else ("", user_id(bob)):
        wire = Wire(None if is_guest else ada)
        data = said.replace("OWN", "" if is_guest else user_id(ada)).replace("OTHER", other)
        await wire.client.receive(f'{{"id":1,"connect":{{"data":{data}}}}}')
        is_own = other == "" and is_guest
        assert wire.closed == (3500 if is_refused and not is_own else None)
        await wire.disconnected()


async def test_connection_is_counted_once_whatever_becomes_of_it(
    ada: User, bob: User, token_secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = connections.by_user
    establish = subscriptions.establish

    async def fails(new: Any) -> Any:
        raise Failed(Error.INTERNAL)

    def connecting(user: User) -> str:
        return json.dumps({"id": 1, "connect": {"token": signed_tokens.connection_token(user_id(user))}})

    wire = Wire()
    monkeypatch.setattr(subscribed, "establish", fails)
    for user in (ada, ada, bob):
        await wire.client.receive(connecting(user))
        assert wire.lines[-1]["error"]["code"] == 100
        assert dict(counted) == {written_key(user): 1}
    monkeypatch.setattr(subscribed, "establish", establish)
    await wire.client.receive(connecting(bob))
    await wire.ask(2, refresh={"token": signed_tokens.connection_token(user_id(bob))})
    assert dict(counted) == {written_key(bob): 1}
    wire.client.stop()
    await wire.disconnected()
    async with wired(ada) as other:
        await other.ask(ping={})
        assert dict(counted) == {written_key(ada): 1}
    assert not counted
