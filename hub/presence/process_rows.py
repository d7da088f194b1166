"""The rows of web processes in the database while Redis is away: one for each process, which lists its people."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NamedTuple

import msgspec
from django.db.models import Case, F, Q, TextField, Value, When
from django.db.models.functions import Now

from hub.config import hub_settings
from hub.models import ProcessPresence
from hub.presence.contract import GUEST

#: Records that a row names, at most; further people are counted as guests are, so that no row grows beyond bounds.
NAMED = 20_000

#: What a row holds: channel -> how many people without names, and those with.
People = dict[str, tuple[int, list[str]]]
_decoder = msgspec.json.Decoder(People)


class Row(NamedTuple):
    """The row of another process, as it is read."""

    process: str
    revision: int
    #: Whether Redis has the people of that process again.
    returned: bool
    #: None if the revision is known already.
    people: str | None


def encode(by_channel: Mapping[str, Mapping[str, int]], *, guests: bool = True) -> str:
    """The text for the people of this process. A guest is at one process only, so guests are a number."""
    people: People = {}
    room = NAMED
    for channel, persons in by_channel.items():
        named = sorted(person for person in persons if not person.startswith(GUEST))
        nameless = len(persons) - len(named) if guests else 0
        people[channel] = (nameless + max(len(named) - room, 0), named[:room])
        room = max(room - len(named), 0)
    return msgspec.json.encode(people).decode()


def decode(text: str) -> People:
    """What :func:`encode` was given. Raises ``msgspec.DecodeError`` for the text of another version of the hub."""
    return _decoder.decode(text)


def store(process: str, people: str, *, revision: int, returned: bool) -> None:
    """Write the row of ``process``, which is valid for ``HUB_LEASE_SECONDS``. Raises ``django.db.Error``."""
    row = ProcessPresence(
        process=process,
        people=people,
        revision=revision,
        returned=returned,
        expires_at=Now() + timedelta(seconds=hub_settings().lease_seconds),
    )
    ProcessPresence.objects.bulk_create(
        [row],
        update_conflicts=True,
        unique_fields=["process"],
        update_fields=["people", "revision", "returned", "expires_at"],
    )


def read(process: str, known: Mapping[str, int]) -> list[Row]:
    """The valid rows of all processes but ``process``, without the people of those whose revision is ``known``.

    Raises ``django.db.Error``.
    """
    same = [When(process=other, revision=revision, then=Value(None)) for other, revision in known.items()]
    people: Any = Case(*same, default=F("people"), output_field=TextField(null=True)) if same else F("people")
    rows = ProcessPresence.objects.filter(_is_valid()).exclude(process=process).annotate(news=people)
    return [Row(*values) for values in rows.values_list("process", "revision", "returned", "news")]


def forget(process: str = "") -> int:
    """Delete the row of ``process``, and those that have expired; returns how many. Raises ``django.db.Error``."""
    old = Q(process=process) | ~_is_valid()
    return ProcessPresence.objects.filter(old).delete()[0]


def _is_valid() -> Q:
    """Rows that have not expired. One that lasts too long was written by a clock that has been set back since."""
    return Q(expires_at__range=(Now(), Now() + 2 * timedelta(seconds=hub_settings().lease_seconds)))
