"""The Protobuf form of the client protocol: the same messages as bytes, each with its length before it.

A message is made from its JSON form, and read into it, by the names of its fields. So both forms say the same, and
what a client sends is checked in one place (:mod:`hub.endpoints.centrifuge.messages`). ``data`` and ``info`` stay the
JSON text that they are. A publication costs one more encoding for each process, not for each client.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError
from msgspec import Raw

from hub.endpoints.centrifuge import schema
from hub.endpoints.centrifuge.messages import Command, Malformed, command_in
from hub.validation import half_characters

_objects = msgspec.json.Decoder(dict[str, Raw])
_lists = msgspec.json.Decoder(list[Raw])
_raw = msgspec.json.Decoder(Raw)

#: Bytes of the length before a message, at most: that of the longest frame.
_LENGTH_LIMIT = 5

#: A ping, and what clients answer with: a message that says nothing.
PING = b"\0"


def frame_of(text: str) -> bytes:
    """The bytes of a reply or push whose JSON form is ``text``."""
    reply = schema.Reply()
    _fill(reply, text)
    return _framed(reply)


def push_of(channel: str, data: str, offset: int) -> bytes:
    """:func:`frame_of` a publication that has nothing else, in a quarter of the time: of a burst each one counts."""
    reply = schema.Reply()
    push = reply.push
    push.channel = channel
    push.pub.data = data.encode()
    push.pub.offset = offset
    return _framed(reply)


def commands_in(frame: str | bytes) -> Iterator[Command]:
    """The commands of a frame; each is read when it is asked for (:func:`.messages.commands_in`).

    Raises:
        Malformed: the next one is none, or has ``data`` that is not JSON; or the frame is empty.
    """
    if isinstance(frame, str) or not frame:
        raise Malformed
    yield from map(_command, _parts(frame))


def _command(data: bytes) -> Command:
    command = schema.Command()
    try:
        command.ParseFromString(data)
        return command_in(msgspec.json.encode(_said(command)))
    except (DecodeError, msgspec.MsgspecError, UnicodeError, RecursionError):
        raise Malformed from None


def _framed(reply: Any) -> bytes:
    data: bytes = reply.SerializeToString()
    return _length(len(data)) + data


def _parts(frame: bytes) -> Iterator[bytes]:
    """The messages of a frame, without the length before each."""
    start = 0
    while start < len(frame):
        length = shift = 0
        for byte in frame[start : start + _LENGTH_LIMIT]:
            length |= (byte & 0x7F) << shift
            shift += 7
            start += 1
            if byte < 0x80:
                break
        else:
            raise Malformed
        if start + length > len(frame):
            raise Malformed
        yield frame[start : start + length]
        start += length


def _length(number: int) -> bytes:
    """A number in groups of seven bits, the lowest first."""
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)


def _fill(message: Any, text: str | Raw) -> None:
    """Set the fields of ``message`` to what the JSON object ``text`` says; what it has no field for is left out."""
    fields = message.DESCRIPTOR.fields_by_name
    for name, value in _objects.decode(text).items():
        field = fields.get(name)
        if field is None:
            continue
        if field.type == FieldDescriptor.TYPE_BYTES:
            setattr(message, name, bytes(value))
        elif field.type != FieldDescriptor.TYPE_MESSAGE:
            setattr(message, name, msgspec.json.decode(value))
        elif _is_mapping(field):
            _fill_mapping(field, getattr(message, name), value)
        elif hasattr(inner := getattr(message, name), "add"):  # a list
            for one in _lists.decode(value):
                _fill(inner.add(), one)
        else:
            inner.SetInParent()  # it is there, also where it says nothing
            _fill(inner, value)


def _fill_mapping(field: Any, mapping: Any, value: Raw) -> None:
    has_messages = field.message_type.fields_by_name["value"].type == FieldDescriptor.TYPE_MESSAGE
    for key, one in _objects.decode(value).items():
        if has_messages:
            _fill(mapping[key], one)
        else:
            mapping[key] = msgspec.json.decode(one)


def _said(message: Any) -> dict[str, Any]:
    """What ``message`` says, as the JSON form has it.

    Raises:
        msgspec.MsgspecError, UnicodeError: bytes in it are not JSON.
    """
    found: dict[str, Any] = {}
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_BYTES:
            found[field.name] = {} if field.name == "tf" else _json_in(value)
        elif field.type != FieldDescriptor.TYPE_MESSAGE:
            found[field.name] = value
        elif _is_mapping(field):
            found[field.name] = {key: _said(one) for key, one in value.items()}
        else:
            found[field.name] = _said(value)
    return found


def _json_in(data: bytes) -> Raw:
    # The decoder looks at no text inside: here, so that all of it is UTF-8.
    return half_characters.decode(_raw.decode, data.decode())


def _is_mapping(field: Any) -> bool:
    return bool(field.message_type.GetOptions().map_entry)
