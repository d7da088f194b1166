"""Recovery: what a returning client missed, whole or not at all."""

from hub import streams
from hub.conf import hub_settings
from hub.feed import Subscription
from hub.streams import Item, Position
from hub.threads import in_database_thread


async def missed(subscription: Subscription, since: Position) -> list[Item] | None:
    """Everything between ``since`` and the subscription's start, or None where that cannot be had whole.

    None means that the position is of another history, older than what is kept, or further behind than
    ``HUB_RECOVERY_LIMIT``: the client must reload. Never a part.
    """
    start, channel = subscription.start, subscription.feed.channel
    if since.epoch != start.epoch and since != Position() and start != Position():
        return None
    behind = start.offset - since.offset
    if behind == 0:
        return []
    if behind < 0:
        # This process has not heard yet of what the client got from another one, unless the position is invented.
        # What comes after it will come live.
        head = (await in_database_thread(streams.positions, [channel]))[channel]
        return [] if head.epoch == since.epoch and head.offset >= since.offset else None
    if behind > hub_settings().recovery_limit:
        return None
    items = await in_database_thread(streams.read, channel, after=since.offset, upto=start.offset, limit=behind)
    return items if len(items) == behind and items[0].epoch == start.epoch else None
