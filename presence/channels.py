"""The channel of the number of people online. Who is subscribed to it is online."""

from hub.channels import Namespace, Visit, anyone, register


async def _entered(visit: Visit) -> dict[str, int]:
    from hub import presence
    from presence import counting

    counting.current().arrived()
    count = await presence.current().count(visit.channel)
    counting.current().told(count)
    return {"count": count}


async def _left(visit: Visit) -> None:
    from presence import counting

    counting.current().departed()


ONLINE = register(
    Namespace(
        "online",
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

online = ONLINE.name
