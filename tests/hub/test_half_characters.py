"""JSON of clients that has half a character: where JavaScript cut a text inside an emoji."""

import json
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from hub.endpoints.centrifuge import messages, protobuf
from hub.endpoints.centrifuge.schema import Command
from hub.validation.half_characters import decode
from hub.validation.messages import read

CUT = "\U0001f600 \ud83d"
WHOLE = {"text": "\U0001f600 \ufffd"}


def published(commands: Iterable[messages.Command]) -> Any:
    (command,) = commands
    (publish,) = command.requests()
    assert isinstance(publish, messages.Publish)
    return json.loads(msgspec.json.encode(publish.data))


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (r'"\ud83d"', "\ufffd"),
        (r'"\uDE00"', "\ufffd"),
        (r'"a\uD83Db"', "a\ufffdb"),
        (r'"\ud83d\ud83d\ude00"', "\ufffd\U0001f600"),
        (r'"\ud83d\ude00\ude00"', "\U0001f600\ufffd"),
        (r'"\\ud83d\ud83d"', "\\ud83d\ufffd"),
        (r'"\\\ud83d"', "\\\ufffd"),
        (r'{"\ud83d": ["\n\ude00"]}', {"\ufffd": ["\n\ufffd"]}),
    ],
)
def test_each_half_is_replaced_and_nothing_else(text: str, read: Any) -> None:
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(text)
    assert decode(msgspec.json.decode, text) == read


@pytest.mark.parametrize("text", [r'"\ud83', r'"\ud8zz"', '{"a": ', "", r'{"a": "\ud83d"', r'"\x"', "\\"])
def test_what_is_no_json_stays_none(text: str) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(msgspec.json.decode, text)


def test_escaped_backslashes_are_no_half_characters() -> None:
    assert decode(msgspec.json.decode, '"' + r"\\" * 30_000 + r'\ud83d"') == "\\" * 30_000 + "\ufffd"


def test_commands_and_messages_are_read_so() -> None:
    said = json.dumps({"text": CUT})
    assert published(messages.commands_in(f'{{"id":2,"publish":{{"channel":"room:1","data":{said}}}}}')) == WHOLE
    in_protobuf = Command(id=2)
    in_protobuf.publish.channel, in_protobuf.publish.data = "room:1", said.encode()
    data = in_protobuf.SerializeToString()
    assert published(protobuf.commands_in(bytes([len(data)]) + data)) == WHOLE
    assert read(json.dumps({"message": CUT})) == ("\U0001f600 \ufffd", None)
