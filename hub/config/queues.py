"""The queues of background work, by what they are for, and what they are called at the broker."""

from typing import Final, Literal

from hub.config.reading import hub_settings

#: What a queue is for: anything; alerts on their way to people; work of which there may be very much.
Purpose = Literal["default", "deliveries", "bulk"]

DEFAULT: Final = "default"
DELIVERIES: Final = "deliveries"
BULK: Final = "bulk"

#: What the default queue of the hub's own project was called before there were others. Its workers still read it.
BEFORE: Final = "celery"


def queue_named(purpose: Purpose) -> str:
    """What the queue for this is called; empty where it is the default queue of the Celery application.

    The hub's own project has a queue for each. A project of others has those that its settings name: a queue that
    none of its workers reads would keep all that is sent to it.
    """
    if purpose == DEFAULT:
        return ""
    return hub_settings().deliveries_queue if purpose == DELIVERIES else hub_settings().bulk_queue
