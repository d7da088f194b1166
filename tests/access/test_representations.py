"""What Python writes of the hub's objects: tools that report errors take it from local variables."""

import pytest
from pytest_django.fixtures import Settings

from hub.access.authentication import Authenticated
from hub.access.signed_tokens.keys import SigningKey
from hub.config import hub_settings
from hub.endpoints.centrifuge.messages import Command, Connect, ConnectResult, Refresh, SubRefresh, Subscribe
from hub.server.handshake import Handshake
from hub.supervisor.database import Prepared

SECRET = "a-secret-that-nobody-is-told"


@pytest.mark.parametrize(
    "found",
    [
        Authenticated(None, credential=f"session:{SECRET}"),
        Authenticated(None, token=SECRET),
        SigningKey(SECRET, ("HS256",)),
        Command(id=1, connect=Connect(token=SECRET)),
        Subscribe(channel="everyone", token=SECRET),
        Refresh(token=SECRET),
        SubRefresh(channel="everyone", token=SECRET),
        ConnectResult(client="1", session=SECRET),
        Handshake(f"/?token={SECRET}".encode(), [(b"cookie", SECRET.encode())], b""),
        Prepared(password=SECRET),
    ],
    ids=lambda found: type(found).__name__,
)
def test_representation_has_no_secret(found: object) -> None:
    assert repr(found).startswith(type(found).__name__)
    assert SECRET not in repr(found)


def test_message_shows_what_is_no_secret() -> None:
    assert "channel='everyone'" in repr(Subscribe(channel="everyone", token=SECRET))


def test_settings_have_no_secret_in_their_representation(settings: Settings) -> None:
    settings.HUB_TOKEN_SECRET = [SECRET]
    settings.HUB_OPERATOR_TOKEN = SECRET
    assert hub_settings().operator_token == SECRET
    assert SECRET not in repr(hub_settings())
