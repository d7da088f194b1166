"""Whoever is subscribed to the channel of the number of people online is online, and is counted."""

import hub.presence
from hub.channels import Namespace, Visit, anyone, register
from presence import channels, counting


async def _entered(visit: Visit) -> dict[str, int]:
    counting.current().arrived()
    count = await hub.presence.current().count(visit.channel)
    counting.current().told(count)
    return {"count": count}


async def _left(visit: Visit) -> None:
    counting.current().departed()


register(
    Namespace(
        channels.online,
        durable=False,
        single=True,
        can_subscribe=anyone,
        presence=True,
        counts_guests=True,
        leave_grace=False,  # the counter waits by itself before it tells a lower number
        entered=_entered,
        left=_left,
        aliases=("online",),
    )
)
