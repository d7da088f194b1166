"""Capturing what is published, stored or live only: on the channels of alerts, of the chat and of the project."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import msgspec

from hub.bus.announcer import overheard
from hub.channels import find, namespace_of
from hub.streams import Envelope
from hub.testing.captured import Captured


@dataclass(frozen=True, slots=True)
class Published:
    """One publication as clients of its channel get it.

    Args:
        channel: its name, such as ``room:7``.
        data: what was published, from JSON.
        offset: its number in the channel's history; 0 where it is live only.
        info: of the client that published it; None for other code.
        tags: that go with it.
    """

    channel: str
    data: Any
    offset: int = 0
    info: Any = None
    tags: Mapping[str, str] = field(default_factory=dict)


class CapturedPublications(Captured[Published]):
    """See :func:`capture_publications`."""

    made_by = "capture_publications"

    def __init__(self, *channels: str) -> None:
        super().__init__()
        for channel in channels:
            find(channel)
        self._channels = channels
        self._heard: list[Envelope] = []
        self._hearing = ExitStack()

    def begin(self) -> None:
        """As :class:`Captured`."""
        self._hearing.enter_context(overheard(self._heard.extend))

    def end(self) -> None:
        """As :class:`Captured`."""
        self._hearing.close()

    def captured(self) -> Sequence[Published]:
        """As :class:`Captured`."""
        return [_published(envelope) for envelope in self._heard if self._is_wanted(envelope.channel)]

    def line(self, one: Published) -> str:
        """As :class:`Captured`."""
        return f"{one.channel} {msgspec.json.encode(one.data).decode()}"

    def _is_wanted(self, channel: str) -> bool:
        return channel in self._channels if self._channels else not namespace_of(channel).internal


def capture_publications(*channels: str) -> CapturedPublications:
    """What a block publishes, in the order in which clients get it.

        with capture_publications("room:7") as published:
            post_message(…)
        assert [one.data["type"] for one in published] == ["chat.message_posted"]

    Stored publications are there once their transaction has committed (in a ``TestCase``: would have), ephemeral ones
    at once; what was rolled back is not there. In async code it is ``async with``.

    Args:
        channels: only these; without any, all but the hub's own.

    Raises:
        UnknownChannel: there can be no channel of that name.
    """
    return CapturedPublications(*channels)


def _published(envelope: Envelope) -> Published:
    return Published(
        channel=envelope.channel,
        data=msgspec.json.decode(envelope.data),
        offset=envelope.offset,
        info=msgspec.json.decode(envelope.info) if envelope.info else None,
        tags=msgspec.json.decode(envelope.tags) if envelope.tags else {},
    )
