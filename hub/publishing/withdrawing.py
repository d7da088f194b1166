"""Taking publications back that should not be read any more."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from django.db import transaction

from hub import streams
from hub.models import Publication
from hub.publishing.verbs import Data, encode, publish_many, text_of
from hub.streams import history, sharing


class Replacement(NamedTuple):
    """What takes the place of publications of a durable channel: those whose JSON text begins with one of these.

    ``since``: when the oldest of them was made, where that is known; so that not all of the channel is read.
    """

    channel: str
    beginnings: Collection[str]
    instead: Data
    since: datetime | None = None


def replace_shared(shared: int, instead: Data) -> None:
    """Put ``instead`` in the place of what :func:`hub.publishing.share` has stored, in the histories of all channels.

    Part of the open transaction. Clients that are connected are told nothing. Raises as :func:`hub.publishing.share`.
    """
    sharing.replace(shared, text_of(instead))


def withdraw(replacements: Collection[Replacement]) -> int:
    """Put something else in the place of publications, and publish it in the same channels.

    After the commit clients that read the history, or recover, get ``instead`` there; offsets stay, so that nobody has
    to reload. Clients that are connected get ``instead`` and may act on it. Give all channels to one call: two that
    withdraw or publish at the same time then never wait for each other in a ring.

    Returns how many publications were replaced. Raises as :func:`hub.publishing.publish`.
    """
    texts = [encode(one.channel, one.instead, durable=True) for one in replacements]
    with transaction.atomic():
        streams.hold_pending(one.channel for one in replacements)
        count = 0
        for one, text in zip(replacements, texts, strict=True):
            count += history.replace(one.channel, one.beginnings, text, since=one.since)
        publish_many([(one.channel, one.instead) for one in replacements])
    return count


def unpublish(ids: Collection[int]) -> None:
    """Delete publications that the open transaction has appended, by the ids of their rows, as if they had never been.

    Nobody has seen them: rows that have an offset already are left alone.
    """
    Publication.objects.filter(pk__in=ids, offset=None).delete()
