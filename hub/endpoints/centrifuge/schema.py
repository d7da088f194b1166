"""The fields of the Protobuf form of the client protocol, as classes of messages.

Each message has the fields that the JSON form has, under the same names; a field that is missing here is one that the
hub does not use. The classes are made when this module loads, in a pool of their own: a program may have a generated
module of the protocol beside them.
"""

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_PACKAGE = "hub.centrifuge"

#: Messages, and of each field its number and type. ``[X]`` is a list of X, ``{X}`` a mapping from texts to X.
_FIELDS: dict[str, str] = {
    "Error": "code 1 uint32, message 2 string, temporary 3 bool",
    "ClientInfo": "user 1 string, client 2 string, conn_info 3 bytes, chan_info 4 bytes",
    "Publication": "data 4 bytes, info 5 ClientInfo, offset 6 uint64, tags 7 {string}",
    "Position": "offset 1 uint64, epoch 2 string",
    "Token": "token 1 string",
    "ChannelToken": "channel 1 string, token 2 string",
    "Channel": "channel 1 string",
    "Data": "data 1 bytes",
    "Empty": "",
    # what clients ask for; `tf`, a message of its own, is only looked for
    "SubscribeRequest": "channel 1 string, token 2 string, recover 3 bool, epoch 6 string, offset 7 uint64, "
    "positioned 9 bool, recoverable 10 bool, join_leave 11 bool, tf 13 bytes, flag 14 int64",
    "ConnectRequest": "token 1 string, data 2 bytes, subs 3 {SubscribeRequest}, name 4 string, version 5 string",
    "PublishRequest": "channel 1 string, data 2 bytes",
    "HistoryRequest": "channel 1 string, limit 7 int32, since 8 Position, reverse 9 bool",
    "RpcRequest": "data 1 bytes, method 2 string",
    "Command": "id 1 uint32, connect 4 ConnectRequest, subscribe 5 SubscribeRequest, unsubscribe 6 Channel, "
    "publish 7 PublishRequest, presence 8 Channel, presence_stats 9 Channel, history 10 HistoryRequest, "
    "ping 11 Empty, send 12 Data, rpc 13 RpcRequest, refresh 14 Token, sub_refresh 15 ChannelToken",
    # what the hub answers
    "SubscribeResult": "expires 1 bool, ttl 2 uint32, recoverable 3 bool, epoch 6 string, "
    "publications 7 [Publication], recovered 8 bool, offset 9 uint64, positioned 10 bool, data 11 bytes, "
    "was_recovering 12 bool",
    "ConnectResult": "client 1 string, version 2 string, expires 3 bool, ttl 4 uint32, data 5 bytes, "
    "subs 6 {SubscribeResult}, ping 7 uint32, pong 8 bool, session 9 string, node 10 string",
    "PresenceResult": "presence 1 {ClientInfo}",
    "PresenceStatsResult": "num_clients 1 uint32, num_users 2 uint32",
    "HistoryResult": "publications 1 [Publication], epoch 2 string, offset 3 uint64",
    "RefreshResult": "client 1 string, version 2 string, expires 3 bool, ttl 4 uint32",
    "SubRefreshResult": "expires 1 bool, ttl 2 uint32",
    # what the hub says by itself
    "JoinLeave": "info 1 ClientInfo",
    "Unsubscribe": "code 2 uint32, reason 3 string",
    "Subscribe": "recoverable 1 bool, epoch 4 string, offset 5 uint64, positioned 6 bool, data 7 bytes",
    "Disconnect": "code 1 uint32, reason 2 string",
    "Push": "channel 2 string, pub 4 Publication, join 5 JoinLeave, leave 6 JoinLeave, unsubscribe 7 Unsubscribe, "
    "message 8 Data, subscribe 9 Subscribe, disconnect 11 Disconnect",
    "Reply": "id 1 uint32, error 2 Error, push 4 Push, connect 5 ConnectResult, subscribe 6 SubscribeResult, "
    "unsubscribe 7 Empty, publish 8 Empty, presence 9 PresenceResult, presence_stats 10 PresenceStatsResult, "
    "history 11 HistoryResult, ping 12 Empty, rpc 13 Data, refresh 14 RefreshResult, sub_refresh 15 SubRefreshResult",
}

_FIELD: Any = descriptor_pb2.FieldDescriptorProto


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="hub/centrifuge.proto", package=_PACKAGE, syntax="proto3")
    for name, fields in _FIELDS.items():
        message = file.message_type.add(name=name)
        for declared in filter(None, fields.split(", ")):
            field, number, kind = declared.split(" ")
            _declare(message, field, int(number), kind)
    return file


def _declare(message: Any, name: str, number: int, kind: str) -> None:
    field = message.field.add(name=name, number=number, label=_FIELD.LABEL_OPTIONAL)
    if kind.startswith("["):
        field.label, kind = _FIELD.LABEL_REPEATED, kind[1:-1]
    elif kind.startswith("{"):
        entry = message.nested_type.add(name=f"{name.title().replace('_', '')}Entry")
        entry.options.map_entry = True
        _declare(entry, "key", 1, "string")
        _declare(entry, "value", 2, kind[1:-1])
        field.label, kind = _FIELD.LABEL_REPEATED, f"{message.name}.{entry.name}"
    if kind in {"bool", "bytes", "int32", "int64", "string", "uint32", "uint64"}:
        field.type = getattr(_FIELD, f"TYPE_{kind.upper()}")
    else:
        field.type, field.type_name = _FIELD.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"


_pool = descriptor_pool.DescriptorPool()
_pool.Add(_file())

#: A command of a client, and what the hub sends.
Command: Any = message_factory.GetMessageClass(_pool.FindMessageTypeByName(f"{_PACKAGE}.Command"))
Reply: Any = message_factory.GetMessageClass(_pool.FindMessageTypeByName(f"{_PACKAGE}.Reply"))
