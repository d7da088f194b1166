"""Publications as the hub socket sends them: made once for each item and process, for all its clients."""

import msgspec
from msgspec import Raw

from hub.bus.foreign import RESERVED
from hub.endpoints.centrifuge.messages import ClientInfo, Coming, Push, text_of
from hub.fanout.local_channel import Encoder
from hub.streams import Envelope


class ClientJoined(msgspec.Struct, tag="hub.client_joined", kw_only=True):
    """Somebody came to a channel with presence, who was nowhere at it before. Ephemeral."""

    info: ClientInfo


class ClientLeft(msgspec.Struct, tag="hub.client_left", kw_only=True):
    """Somebody left a channel with presence, by the last connection. Ephemeral."""

    info: ClientInfo


class _Typed(msgspec.Struct):
    type: object = None


_encoder = msgspec.json.Encoder()
_tags_decoder = msgspec.json.Decoder(dict[str, str])
_infos = msgspec.json.Decoder(ClientInfo)
_typed = msgspec.json.Decoder(_Typed)


def is_reserved(data: Raw) -> bool:
    """Whether what a client wants to publish has a type that only the hub makes."""
    try:
        kind = _typed.decode(data).type
    except (msgspec.MsgspecError, RecursionError):
        return False  # no object, or none that could be taken for one of the hub's
    return isinstance(kind, str) and kind.startswith(RESERVED)


_COMINGS = '{"type":"hub.client_'
_comings = msgspec.json.Decoder(ClientJoined | ClientLeft)


def publication(item: Envelope) -> str | None:
    """The publication of ``item`` as in ``publications``; None for what is no JSON, whoever put it on the layer."""
    try:
        data = msgspec.json.format(item.data, indent=-1)  # on one line, as the protocol wants it
    except (msgspec.MsgspecError, RecursionError):
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


def is_coming(item: Envelope) -> bool:
    """Whether it tells who came or left."""
    return not item.offset and item.data.startswith(_COMINGS)


def push(item: Envelope) -> str | None:
    """The frame of a publication, for clients that do not want to know who comes and leaves."""
    if is_coming(item):
        return None
    text = publication(item)
    return None if text is None else push_of(item.channel, text)


def push_of(channel: str, text: str) -> str:
    """The frame of a publication that is made already."""
    return f'{{"push":{{"channel":"{channel}","pub":{text}}}}}'


def push_with_comings(item: Envelope) -> str | None:
    """The frame of a publication, or of somebody who came or left."""
    if not is_coming(item):
        return push(item)
    try:
        coming = _comings.decode(item.data)
    except msgspec.MsgspecError:
        return None
    who = Coming(info=coming.info)
    if isinstance(coming, ClientJoined):
        return text_of(Push(channel=item.channel, join=who))
    return text_of(Push(channel=item.channel, leave=who))


def shape(*, comings: bool) -> Encoder:
    """The shape for a client that wants to know who comes and leaves, or does not."""
    return push_with_comings if comings else push
