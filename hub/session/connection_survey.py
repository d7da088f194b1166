"""The open connections of one person, over all web processes, and where each stands in its channels.

Nothing is written down for it: the processes are asked (:mod:`hub.fanout.survey`), and each looks at what it has. So
it costs those nothing who are connected, and it says nothing of connections that have ended.
"""

from collections.abc import Collection, Iterable, Iterator

import msgspec

from hub.access import registry
from hub.access.credentials import device_of
from hub.fanout import survey
from hub.session.session import Session

#: What web processes are asked for.
TOPIC = "connections"

#: Channels of one question.
CHANNELS_LIMIT = 100


class Standing(msgspec.Struct):
    """Where a connection stands in a channel: what came after ``start``, up to ``last``, it was sent live."""

    start: int
    last: int


class OpenConnection(msgspec.Struct):
    """An open connection of a person.

    Args:
        client: its id.
        endpoint: what it is connected to: ``hub``, ``events``, or a simple endpoint.
        device: names its log-in or token (:attr:`hub.session.RpcCall.device`).
        channels: where it stands in those that were asked about and that it is subscribed to.
    """

    client: str
    endpoint: str
    device: str
    channels: dict[str, Standing]


class _About(msgspec.Struct):
    user: str
    channels: list[str]


_decoder = msgspec.json.Decoder(_About)


async def aopen_connections(user: str, channels: Collection[str]) -> list[OpenConnection]:
    """The connections of the person with this id that are open now, of all web processes that answer in time."""
    return _read((await survey.current().ask(TOPIC, _about(user, channels))).values())


def open_connections(user: str, channels: Collection[str]) -> list[OpenConnection] | None:
    """:func:`aopen_connections` from a thread of a web process; None in a process that is none."""
    asker = survey.current.made
    answers = asker.ask_from_thread(TOPIC, _about(user, channels)) if asker is not None else {}
    return _read(answers.values()) if answers else None


def _about(user: str, channels: Collection[str]) -> str:
    return msgspec.json.encode(_About(user, list(channels)[:CHANNELS_LIMIT])).decode()


def _read(answers: Iterable[object]) -> list[OpenConnection]:
    return sorted(
        (one for answer in answers for one in msgspec.convert(answer, list[OpenConnection])),
        key=lambda one: (one.device, one.client),
    )


def _here(about: str) -> list[OpenConnection]:
    asked = _decoder.decode(about)
    return [
        OpenConnection(one.client, one.name, device_of(one.credential), dict(_standing(one, asked.channels)))
        for one in registry.current().addressed(asked.user, "")
        if isinstance(one, Session) and not one.has_ended
    ]


def _standing(session: Session, channels: Iterable[str]) -> Iterator[tuple[str, Standing]]:
    for channel in channels:
        subscription = session.subscriptions.get(channel)
        if subscription is not None and subscription.is_live:
            yield channel, Standing(subscription.start.offset, subscription.local_channel.last)


survey.answer_with(TOPIC, _here)
