"""Taking publications back that should not be read any more."""

from collections.abc import Collection

from django.db import transaction

from hub.models import Publication
from hub.publishing.verbs import Data, encode, publish, text_of
from hub.streams import history, sharing


def replace_shared(shared: int, instead: Data) -> None:
    """Put ``instead`` in the place of what :func:`hub.publishing.share` has stored, in the histories of all channels.

    Part of the open transaction. Clients that are connected are told nothing. Raises as :func:`hub.publishing.share`.
    """
    sharing.replace(shared, text_of(instead))


def withdraw(channel: str, beginnings: Collection[str], instead: Data) -> int:
    """Put ``instead`` in the place of publications of a durable ``channel``, and publish it.

    After the commit clients that read the history, or recover, get ``instead`` there; offsets stay, so that nobody has
    to reload. Clients that are connected get ``instead`` and may act on it.

    Args:
        beginnings: how the JSON text of each publication begins that is meant.

    Returns how many publications were replaced. Raises as :func:`hub.publishing.publish`.
    """
    with transaction.atomic():
        count = history.replace(channel, beginnings, encode(channel, instead, durable=True))
        publish(channel, instead)
    return count


def unpublish(ids: Collection[int]) -> None:
    """Delete publications that the open transaction has appended, by the ids of their rows, as if they had never been.

    Nobody has seen them: rows that have an offset already are left alone.
    """
    Publication.objects.filter(pk__in=ids, offset=None).delete()
