"""The code of ``docs/howto/declare-a-channel.md`` does what the page says."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec import Raw

from hub.access.reasons import Failed
from hub.channels import UnknownChannel, find
from hub.session import client_messages, methods
from tests.docs.documents import block
from tests.docs.shop import shop
from tests.support.namespaces import forget_later

HOW_TO = "docs/howto/declare-a-channel.md"


@pytest.fixture
def declared(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    forget_later(monkeypatch)
    names: dict[str, Any] = {}
    exec(block(HOW_TO, "shop/namespaces.py"), names)  # noqa: S102  # the reader runs it too
    return names


def test_the_channel_is_for_ids_only(declared: dict[str, Any]) -> None:
    namespace, arguments = find("order:42")
    assert namespace is declared["ORDER"] and arguments == {"id": 42}
    assert namespace.can_publish is None and namespace.can_see_presence is declared["is_staff"]
    for channel in ("order:x", "order:042", "order"):
        with pytest.raises(UnknownChannel):
            find(channel)


#: A customer cancels an order over the client connection, one that is shipped, and one that is nobody's.
CANCEL = """
import asyncio, json
from hub.people.models import User
from hub.endpoints.centrifuge import asyncapi
from hub.session import methods
from hub.access.reasons import Failed
from hub.models import Publication
from shop.models import Order

ada = User.objects.create_user("ada")
order, shipped = (Order.objects.create(number=number, customer=ada) for number in ("1042", "1043"))
exec(when_shipped, {"order": shipped})
print(json.loads(Publication.objects.get(channel=f"order:{shipped.pk}").data)["type"])

async def cancel(data):
    try:
        return bytes(await methods.call("shop.cancel", methods.RpcCall(ada, "client", "en"), data)).decode()
    except methods.RpcError as refused:
        return str(refused)
    except Failed as failed:
        return failed.error.name

async def story():
    for data in (f'{{"order": {order.pk}}}', f'{{"order": {shipped.pk}}}', '{"order": "42"}'):
        print(await cancel(data.encode()))

asyncio.run(story())
print(asyncapi.document()["x-rpc-methods"]["shop.cancel"]["answer"])
"""


@pytest.mark.any_database
@pytest.mark.slow
@pytest.mark.live
def test_the_method_takes_and_answers_what_its_types_say(tmp_path: Path) -> None:
    files = {
        "shop/models.py": block("README.md", "shop/models.py"),
        "shop/namespaces.py": block(HOW_TO, "shop/namespaces.py"),
        "shop/rpc.py": block(HOW_TO, "shop/rpc.py"),
    }
    when_shipped = block(HOW_TO, "when an order is shipped")
    with shop(tmp_path, files) as project:
        said = project.run(f"when_shipped = {when_shipped!r}\n{CANCEL}").splitlines()
    assert said == [
        "shop.order_shipped",
        '{"number":"1042"}',
        "You may not cancel this order",
        "BAD_REQUEST",
        "{'$ref': '#/components/schemas/Cancelled'}",
    ]


async def test_the_message_is_taken_as_its_type_says(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(client_messages, "_receivers", {})
    caplog.set_level("INFO")
    names: dict[str, Any] = {"__name__": "shop.rpc"}
    exec(block(HOW_TO, "shop/rpc.py, what clients send"), names)  # noqa: S102  # the reader runs it too
    call = methods.RpcCall(SimpleNamespace(), "client", "en")  # type: ignore[arg-type]  # any user does
    await client_messages.take(call, Raw(b'{"type": "shop.page_left", "order": 42, "seconds": 7}'))
    assert "looked at order 42 for 7 s" in caplog.text
    with pytest.raises(Failed):
        await client_messages.take(call, Raw(b'{"type": "shop.page_left", "order": "42", "seconds": 7}'))
