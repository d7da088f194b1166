"""The code of ``docs/howto/declare-a-channel.md`` does what the page says."""

from types import SimpleNamespace
from typing import Any

import pytest
from msgspec import Raw

from hub import channels
from hub.channels import UnknownChannel, find
from hub.connection import rpc, sends
from hub.connection.codes import Error, Failed
from tests.docs.documents import block

HOW_TO = "docs/howto/declare-a-channel.md"


@pytest.fixture
def declared(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr(channels, "_namespaces", dict(channels._namespaces))
    names: dict[str, Any] = {}
    exec(block(HOW_TO, "shop/channels.py"), names)  # noqa: S102  # the reader runs it too
    return names


def test_the_channel_is_for_ids_only(declared: dict[str, Any]) -> None:
    namespace, arguments = find("order:42")
    assert namespace is declared["ORDER"] and arguments == {"id": 42}
    assert namespace.can_publish is None and namespace.can_see_presence is declared["is_staff"]
    for channel in ("order:x", "order:042", "order"):
        with pytest.raises(UnknownChannel):
            find(channel)


async def test_the_method_takes_what_its_type_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rpc, "_methods", {})
    names: dict[str, Any] = {"may_cancel": lambda user, order: order == 42}
    exec(block(HOW_TO, "shop/rpc.py"), names)  # noqa: S102  # the reader runs it too
    call = rpc.Call(SimpleNamespace(), "client", "en")  # type: ignore[arg-type]  # any user does
    assert bytes(await rpc.call("shop.cancel", call, Raw(b'{"order": 42}')) or b"") == b'{"state":"cancelled"}'
    with pytest.raises(rpc.Refused, match="You may not cancel"):
        await rpc.call("shop.cancel", call, Raw(b'{"order": 1}'))
    with pytest.raises(Failed) as refused:
        await rpc.call("shop.cancel", call, Raw(b'{"order": "42"}'))
    assert refused.value.error is Error.BAD_REQUEST


async def test_the_message_is_taken_as_its_type_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sends, "_receivers", {})
    noted: list[Any] = []
    names: dict[str, Any] = {"note_visit": lambda user, order, seconds: noted.append((order, seconds))}
    exec(block(HOW_TO, "shop/rpc.py, what clients send"), names)  # noqa: S102  # the reader runs it too
    call = rpc.Call(SimpleNamespace(), "client", "en")  # type: ignore[arg-type]  # any user does
    await sends.take(call, Raw(b'{"type": "shop.page_left", "order": 42, "seconds": 7}'))
    assert noted == [(42, 7)]
    with pytest.raises(Failed):
        await sends.take(call, Raw(b'{"type": "shop.page_left", "order": "42", "seconds": 7}'))
