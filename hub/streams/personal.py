"""Publications that a client of one person has published, in the histories of all channels."""

from collections.abc import Callable, Collection, Iterable, Iterator

import msgspec
from django.db.models import Q

from hub.models import Publication
from hub.streams import store

#: Publications that are read or changed together.
CHUNK = 500


class _Info(msgspec.Struct):
    """What a publication says of the client that published it, as far as it is needed here."""

    user: str = ""


_info = msgspec.json.Decoder(_Info)


def published_by(users: Collection[str]) -> Iterator[Publication]:
    """The publications of people with these ids (:func:`hub.users.user_id`). Reads the whole table once."""
    named = Q(pk__in=[])
    for user in users:
        named |= Q(info__contains=f'"user":{msgspec.json.encode(user).decode()}')
    for row in Publication.objects.filter(named).order_by("pk").iterator(CHUNK):
        if _info.decode(row.info).user in users:
            yield row


def erase_published_by(users: Iterable[str], instead: str | None) -> int:
    """Take people with these ids out of what their clients published; returns how many publications that were.

    Args:
        instead: JSON text that stands where the publications were; None leaves what they say, and takes away who said
            it. Offsets stay, so that nobody has to reload.
    """
    rows = list(published_by(frozenset(users)))
    for row in rows:
        row.info = ""
        if instead is not None:
            row.data, row.tags = instead, ""
    store.hold_pending(row.channel for row in rows)
    Publication.objects.bulk_update(rows, ["info", "data", "tags"], batch_size=CHUNK)
    return len(rows)


def rewrite(channel: str, change: Callable[[str], str | None]) -> int:
    """Put another text in the place of publications of ``channel``, as part of the open transaction.

    Args:
        change: gets the JSON text of each, and returns the one that takes its place, or None where it stays.

    Offsets stay, so the history has no gap, and nobody has to reload. Clients that have a publication already are told
    nothing. Returns how many were changed.
    """
    changed = []
    rows = Publication.objects.filter(channel=channel).order_by("pk").values_list("pk", "data", "shared__data")
    for pk, data, shared in rows.iterator(CHUNK):
        if (text := change(shared or data)) is not None:
            changed.append(Publication(pk=pk, data=text, shared=None))
    Publication.objects.bulk_update(changed, ["data", "shared"], batch_size=CHUNK)
    return len(changed)
