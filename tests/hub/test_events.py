from typing import Any

import pytest

from hub.bus.envelope import NotForClients, pack, unpack
from hub.streams import Envelope

ITEM = Envelope("room:7", "0a1b2c3d", 5, '{"type":"x"}')


def test_what_is_packed_unpacks_to_the_same() -> None:
    assert unpack(pack(ITEM), ITEM.channel) == ITEM


def test_the_shape_of_the_layer_event_is_the_documented_one() -> None:
    assert pack(ITEM) == {
        "type": "hub.publication",
        "channel": "room:7",
        "epoch": "0a1b2c3d",
        "offset": 5,
        "data": '{"type":"x"}',
    }


@pytest.mark.parametrize(
    "message",
    [
        None,
        "text",
        {},
        {"type": "hub.something_newer"},
        {**pack(ITEM), "type": "hub.other"},
        {**pack(ITEM), "channel": "room:8"},
        {**pack(ITEM), "offset": "5"},
        {**pack(ITEM), "offset": -1},
        {**pack(ITEM), "data": b"bytes"},
        {**pack(ITEM), "channel": None},
        {name: value for name, value in pack(ITEM).items() if name != "data"},
    ],
)
def test_anything_else_of_the_hubs_own_types_is_for_nobody(message: Any) -> None:
    with pytest.raises(NotForClients):
        unpack(message, ITEM.channel)
