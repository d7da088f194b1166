"""Stores publications of clients, within the limit of each user."""

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _
from msgspec import Raw

from hub import limits
from hub.limits.tallies import Tally
from hub.publishing import apublish

if TYPE_CHECKING:
    from hub.endpoints.centrifuge.client import Client

PUBLICATIONS = limits.declare(
    "publications", setting="limit_publications", sentence=_("You have published very often.")
)

#: Counts the publications of each user, and of all guests of each address, in this process.
published = Tally(PUBLICATIONS)


async def publish(client: "Client", channel: str, data: Raw, info: Raw) -> None:
    """:func:`hub.publishing.apublish` for ``client``. A publication that fails does not count.

    Raises:
        TooMany: the client's user, or all guests of its address together, have reached the limit.
    """
    who = None if client.user.pk is None and client.guest_of is None else client.counted_as
    if who is not None:
        await published.atake(who)
    try:
        await apublish(channel, data, info)
    except Exception:  # not a client that leaves meanwhile: its publication is stored all the same
        if who is not None:
            published.give_back(who)
        raise
