"""Encodes publications for client connections: once for each publication and process, for all its clients."""

import msgspec
from msgspec import Raw

from hub.bus.foreign import RESERVED
from hub.endpoints.centrifuge.messages import JoinLeave, Push, text_of
from hub.session.client_info import ClientInfo, ClientJoined, ClientLeft
from hub.streams import Envelope


class _Typed(msgspec.Struct):
    type: object = None


_encoder = msgspec.json.Encoder()
_tags_decoder = msgspec.json.Decoder(dict[str, str])
_infos = msgspec.json.Decoder(ClientInfo)
_typed = msgspec.json.Decoder(_Typed)


def is_reserved(data: Raw) -> bool:
    """Whether the data of a client has a type that is reserved for the hub."""
    try:
        kind = _typed.decode(data).type
    except (msgspec.MsgspecError, RecursionError):
        return False  # no object, or none that could be taken for one of the hub's
    return isinstance(kind, str) and kind.startswith(RESERVED)


_JOIN_LEAVE = '{"type":"hub.client_'
_join_leave = msgspec.json.Decoder(ClientJoined | ClientLeft)


def on_one_line(data: str) -> str | None:
    """``data`` as the protocol wants it; None if it is not JSON."""
    try:
        return msgspec.json.format(data, indent=-1)
    except (msgspec.MsgspecError, RecursionError):
        return None


def publication(item: Envelope) -> str | None:
    """The publication of ``item`` in the form of ``publications``; None if its data is not JSON."""
    data = on_one_line(item.data)
    if data is None:
        return None
    offset = f',"offset":{item.offset}' if item.offset else ""
    return f'{{"data":{data}{offset}{_info(item.info)}{_tags(item.tags)}}}'


def _info(text: str) -> str:
    if not text:
        return ""
    try:
        return f',"info":{_encoder.encode(_infos.decode(text)).decode()}'
    except (msgspec.MsgspecError, RecursionError):
        return ""


def _tags(text: str) -> str:
    if not text:
        return ""
    try:
        return f',"tags":{_encoder.encode(_tags_decoder.decode(text)).decode()}'
    except (msgspec.MsgspecError, RecursionError):
        return ""


def publications_of(items: list[Envelope]) -> list[Raw]:
    """The publications of ``items``, for a reply."""
    texts = (publication(item) for item in items)
    return [Raw(text.encode()) for text in texts if text is not None]


def is_join_leave(item: Envelope) -> bool:
    """Whether it is a join or leave message."""
    return not item.offset and item.data.startswith(_JOIN_LEAVE)


def push(item: Envelope) -> str | None:
    """The frame of a publication, for clients without join and leave messages."""
    if is_join_leave(item):
        return None
    text = publication(item)
    return None if text is None else push_of(item.channel, text)


def push_of(channel: str, text: str) -> str:
    """The frame of an encoded publication."""
    return f'{{"push":{{"channel":"{channel}","pub":{text}}}}}'


def push_with_join_leave(item: Envelope) -> str | None:
    """The frame of a publication, or of a join or leave message."""
    if not is_join_leave(item):
        return push(item)
    try:
        message = _join_leave.decode(item.data)
    except msgspec.MsgspecError:
        return None
    who = JoinLeave(info=message.info)
    if isinstance(message, ClientJoined):
        return text_of(Push(channel=item.channel, join=who))
    return text_of(Push(channel=item.channel, leave=who))
