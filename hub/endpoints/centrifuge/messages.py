"""The messages of the client connection, in both directions: the JSON form of the Centrifuge client protocol.

What a client sends is decoded into :class:`Command`, and what does not fit is refused there: nothing behind it sees
a value of another type. ``data`` and ``info`` stay the JSON text that they are.
"""

from collections.abc import Iterator
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from hub.access.reasons import Unsubscribed
from hub.session.client_info import ClientInfo, Json
from hub.validation import half_characters

#: What databases and JavaScript can count to.
Offset = Annotated[int, Meta(ge=0, le=2**53)]
CommandId = Annotated[int, Meta(ge=0, le=2**32 - 1)]
Name = Annotated[str, Meta(max_length=255)]


#: What lets whoever knows it act for a client.
_SECRET = frozenset({"session", "token"})


class ProtocolMessage(msgspec.Struct, omit_defaults=True, kw_only=True):
    """The base of all messages: what is not said is not written."""

    def __repr__(self) -> str:
        """Without secrets, which tools that report errors would take with them from local variables."""
        shown = (f"{name}={getattr(self, name)!r}" for name in self.__struct_fields__ if name not in _SECRET)
        return f"{type(self).__name__}({', '.join(shown)})"


# --- from the client ----------------------------------------------------------------------------------------------


class RecoverFrom(ProtocolMessage):
    """Where a client stands in a channel that the hub subscribed it to."""

    recover: bool = False
    offset: Offset = 0
    epoch: Name = ""


class Connect(ProtocolMessage):
    """The first command: who is there."""

    token: str = ""
    data: Json = UNSET
    subs: Annotated[dict[Name, RecoverFrom], Meta(max_length=1024)] = {}
    name: str = ""
    version: str = ""


class Subscribe(ProtocolMessage):
    """Receive the publications of a channel, and with ``recover`` those after ``offset`` of ``epoch`` too."""

    channel: Name
    token: str = ""
    recover: bool = False
    offset: Offset = 0
    epoch: Name = ""
    recoverable: bool = False
    positioned: bool = False
    join_leave: bool = False
    flag: int = 0
    #: Kinds of subscriptions, and filters, that the hub does not have.
    type: int = 0
    tf: Json = UNSET


class Unsubscribe(ProtocolMessage):
    """Receive no more of a channel."""

    channel: Name


class Publish(ProtocolMessage):
    """Publish to a channel."""

    channel: Name
    data: Json = UNSET


class Presence(ProtocolMessage):
    """Who is subscribed to a channel."""

    channel: Name


class PresenceStats(ProtocolMessage):
    """How many are subscribed to a channel."""

    channel: Name


class Since(ProtocolMessage):
    """A place in a channel's history; an empty epoch means the present one."""

    offset: Offset = 0
    epoch: Name = ""


class History(ProtocolMessage):
    """What a channel keeps: its newest position, and up to ``limit`` publications after ``since``."""

    channel: Name
    limit: int = 0
    since: Since | None = None
    reverse: bool = False


class Rpc(ProtocolMessage):
    """Call a method that an app has registered."""

    method: Name = ""
    data: Json = UNSET


class Send(ProtocolMessage):
    """Data without an answer."""

    data: Json = UNSET


class Ping(ProtocolMessage):
    """Whether the hub is there."""


class Refresh(ProtocolMessage):
    """A new token for the connection."""

    token: str = ""


class SubRefresh(ProtocolMessage):
    """A new token for a subscription."""

    channel: Name
    token: str = ""


Request = (
    Connect
    | Subscribe
    | Unsubscribe
    | Publish
    | Presence
    | PresenceStats
    | History
    | Rpc
    | Send
    | Ping
    | Refresh
    | SubRefresh
)


class Command(ProtocolMessage):
    """One command. It has one of the requests; with none at all it is the answer to a ping."""

    id: CommandId = 0
    connect: Connect | None = None
    subscribe: Subscribe | None = None
    unsubscribe: Unsubscribe | None = None
    publish: Publish | None = None
    presence: Presence | None = None
    presence_stats: PresenceStats | None = None
    history: History | None = None
    rpc: Rpc | None = None
    send: Send | None = None
    ping: Ping | None = None
    refresh: Refresh | None = None
    sub_refresh: SubRefresh | None = None

    def requests(self) -> list[Request]:
        """What it asks for: one thing, in a command that makes sense."""
        return [request for name in _REQUESTS if (request := getattr(self, name)) is not None]


_REQUESTS = tuple(field for field in Command.__struct_fields__ if field != "id")

_decoder = msgspec.json.Decoder(Command)


class Malformed(ValueError):
    """What a client sent is no command of the protocol."""


def command_in(text: str | bytes) -> Command:
    """The command whose JSON form is ``text``. Raises ``msgspec.MsgspecError``."""
    return _decoder.decode(text)


def commands_in(frame: str | bytes) -> Iterator[Command]:
    """The commands of a frame, one in each line; each is read when it is asked for.

    A frame may have thousands, so that whoever carries them out can stop at a limit before the rest costs anything.

    Raises:
        Malformed: the next line is none, or the frame is empty.
    """
    try:
        # The decoder looks at no text inside of `data`, which stays as it came: here, so that all of it is UTF-8.
        text = frame if isinstance(frame, str) else frame.decode()
        if not text.strip():
            raise Malformed
        for line in text.split("\n"):
            if line and not line.isspace():
                yield half_characters.decode(command_in, line)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        # Without the text of the error, which may quote a token.
        raise Malformed from None


# --- to the client ------------------------------------------------------------------------------------------------


class SubscribeResult(ProtocolMessage):
    """The answer to ``subscribe``, and a subscription by the hub in ``connect``'s."""

    expires: bool = False
    ttl: int = 0
    recoverable: bool = False
    epoch: str = ""
    publications: list[Raw] = []
    recovered: bool = False
    offset: int = 0
    positioned: bool = False
    data: Json = UNSET
    was_recovering: bool = False


class ConnectResult(ProtocolMessage):
    """The answer to ``connect``. ``session`` and ``node`` are for ``/emulation``."""

    client: str
    version: str = ""
    expires: bool = False
    ttl: int = 0
    data: Json = UNSET
    subs: dict[str, SubscribeResult] = {}
    ping: int = 0
    pong: bool = False
    session: str = ""
    node: str = ""


class Empty(ProtocolMessage):
    """The answer to ``unsubscribe``, ``publish`` and ``ping``."""


class PresenceResult(ProtocolMessage, omit_defaults=False):
    """The answer to ``presence``, by client id."""

    presence: dict[str, ClientInfo]


class PresenceStatsResult(ProtocolMessage, omit_defaults=False):
    """The answer to ``presence_stats``."""

    num_clients: int
    num_users: int


class HistoryResult(ProtocolMessage, omit_defaults=False):
    """The answer to ``history``: where the channel stands, and the publications asked for."""

    publications: list[Raw]
    epoch: str
    offset: int


class RpcResult(ProtocolMessage):
    """The answer to ``rpc``."""

    data: Json = UNSET


class RefreshResult(ProtocolMessage):
    """The answer to ``refresh``."""

    client: str = ""
    expires: bool = False
    ttl: int = 0


class SubRefreshResult(ProtocolMessage):
    """The answer to ``sub_refresh``."""

    expires: bool = False
    ttl: int = 0


class ErrorResult(ProtocolMessage):
    """Why a command was not carried out."""

    code: int
    message: str
    temporary: bool = False
    #: Seconds before which the same command is refused again.
    retry_after: int = 0


class Reply(ProtocolMessage):
    """The answer to the command with this id; it has one of the others."""

    id: int
    error: ErrorResult | UnsetType = UNSET
    connect: ConnectResult | UnsetType = UNSET
    subscribe: SubscribeResult | UnsetType = UNSET
    unsubscribe: Empty | UnsetType = UNSET
    publish: Empty | UnsetType = UNSET
    presence: PresenceResult | UnsetType = UNSET
    presence_stats: PresenceStatsResult | UnsetType = UNSET
    history: HistoryResult | UnsetType = UNSET
    rpc: RpcResult | UnsetType = UNSET
    ping: Empty | UnsetType = UNSET
    refresh: RefreshResult | UnsetType = UNSET
    sub_refresh: SubRefreshResult | UnsetType = UNSET


class JoinLeave(ProtocolMessage):
    """Somebody came or left."""

    info: ClientInfo


class UnsubscribePush(ProtocolMessage):
    """The hub ended a subscription."""

    code: int
    reason: str


class DisconnectPush(ProtocolMessage):
    """The connection ends now, where the transport has no close code."""

    code: int
    reason: str


class MessagePush(ProtocolMessage):
    """Data for this client alone."""

    data: Raw


class Push(ProtocolMessage):
    """What the hub says by itself. Publications are not made here: see :mod:`hub.endpoints.centrifuge.encoder`."""

    channel: str = ""
    join: JoinLeave | UnsetType = UNSET
    leave: JoinLeave | UnsetType = UNSET
    subscribe: SubscribeResult | UnsetType = UNSET
    unsubscribe: UnsubscribePush | UnsetType = UNSET
    message: MessagePush | UnsetType = UNSET
    disconnect: DisconnectPush | UnsetType = UNSET


class Pushed(ProtocolMessage):
    """A push as it is framed."""

    push: Push


_encoder = msgspec.json.Encoder()

#: A ping; the client answers with the same.
PING = "{}"


def text_of(message: Reply | Push) -> str:
    """The line of a reply or a push."""
    return _encoder.encode(Pushed(push=message) if isinstance(message, Push) else message).decode()


def unsubscribed(channel: str, why: Unsubscribed) -> Push:
    """The push that ends a subscription."""
    return Push(channel=channel, unsubscribe=UnsubscribePush(code=why, reason=why.text))


def disconnected(code: int, reason: str) -> Push:
    """The push that ends a connection."""
    return Push(disconnect=DisconnectPush(code=code, reason=reason))
