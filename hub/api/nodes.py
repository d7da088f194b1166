"""``info`` and ``channels``: what the web processes have now. Each is asked; see :mod:`hub.fanout.survey`."""

import os
import resource
import socket
import sys
import time
from collections import Counter
from fnmatch import fnmatchcase
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from hub import __version__
from hub.access import registry
from hub.api.errors import ApiError, Code
from hub.api.method import ApiCall, Method, register
from hub.channels import UnknownChannel, namespace_of
from hub.fanout import relay, survey
from hub.users import written_key

#: Characters of a pattern.
PATTERN_LIMIT = 200

_STARTED = time.monotonic()


class InfoRequest(msgspec.Struct):
    """What the web processes have now."""


class Process(msgspec.Struct):
    """What a process takes: seconds of processor since it began; memory in bytes, the most it had."""

    cpu: float
    rss: int


class Node(msgspec.Struct):
    """One web process; ``uptime`` in seconds."""

    uid: str
    name: str
    version: str
    num_clients: int
    num_users: int
    num_subs: int
    num_channels: int
    uptime: int
    process: Process


class InfoResult(msgspec.Struct):
    """All that answered in time; while Redis is away, the one that was asked."""

    nodes: list[Node]


class ChannelsRequest(msgspec.Struct, kw_only=True):
    """Which channels are followed now."""

    pattern: Annotated[str | None, Meta(description="Such as `room:*`; `?` and `[…]` work too.")] = None


class ChannelInfo(msgspec.Struct):
    """How many subscriptions a channel has."""

    num_clients: int


class ChannelsResult(msgspec.Struct):
    """The followed channels that the key may name, over all web processes that answered in time."""

    channels: dict[str, ChannelInfo]


async def info(call: ApiCall[InfoRequest]) -> InfoResult:
    """Of each web process, what it says of itself."""
    call.whole_hub()
    answers = await survey.current().ask("node")
    return InfoResult(sorted((_node(answer) for answer in answers.values()), key=lambda node: node.name))


async def channels(call: ApiCall[ChannelsRequest]) -> ChannelsResult:
    """Summed over the web processes."""
    pattern = call.request.pattern or "*"
    if len(pattern) > PATTERN_LIMIT:
        raise ApiError(Code.BAD_REQUEST, f"a pattern has at most {PATTERN_LIMIT} characters")
    total: Counter[str] = Counter()
    for answer in (await survey.current().ask("channels")).values():
        total.update(msgspec.convert(answer, dict[str, int]))
    scope = call.caller.scope
    return ChannelsResult(
        {
            channel: ChannelInfo(count)
            for channel, count in sorted(total.items())
            if fnmatchcase(channel, pattern) and scope.has_channel(channel)
        }
    )


def _node(answer: Any) -> Node:
    return answer if isinstance(answer, Node) else msgspec.convert(answer, Node)


def _own_node(about: str) -> Node:
    followed = _own_channels(about)
    used = resource.getrusage(resource.RUSAGE_SELF)
    users = {written_key(open_socket.user) for open_socket in registry.current()}
    return Node(
        uid=survey.current().process,
        name=f"{socket.gethostname()}:{os.getpid()}",
        version=__version__,
        num_clients=len(registry.current()),
        num_users=len(users),
        num_subs=sum(followed.values()),
        num_channels=len(followed),
        uptime=round(time.monotonic() - _STARTED),
        process=Process(round(used.ru_utime + used.ru_stime, 3), used.ru_maxrss * _RSS_UNIT),
    )


#: The kernel counts in KiB, that of macOS in bytes.
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


def _own_channels(about: str) -> dict[str, int]:
    return {channel: count for channel, count in relay.current().clients().items() if not _is_internal(channel)}


def _is_internal(channel: str) -> bool:
    try:
        return namespace_of(channel).internal
    except UnknownChannel:  # its namespace was closed while it is followed
        return True


survey.answer_with("node", _own_node)
survey.answer_with("channels", _own_channels)

register(Method("channels", ChannelsRequest, ChannelsResult, channels, "Which channels are followed now.", {}))
register(Method("info", InfoRequest, InfoResult, info, "What the web processes have now.", {}))
