"""Background jobs. Each takes plain values or ids and calls one function."""

from typing import Any

from celery import shared_task

from notifications import notify


@shared_task(name="worker.tasks.send_broadcast")
def send_broadcast(
    message: str,
    to: str | list[str] = "everyone",
    title: str = "",
    level: str = "info",
    url: str = "",
    data: Any = None,
) -> int:
    """Send an alert to ``to``: ``"everyone"``, ``"user:NAME"``, ``"group:NAME"`` or a list of these.

    Can be scheduled in the admin under *Periodic tasks*, with the arguments as JSON, for example
    ``{"message": "Stand-up in five minutes", "level": "warning"}``. Returns how many alerts were stored.

    Raises:
        notifications.alerting.BadAlert: an argument is not as :func:`notifications.alert` wants it; nothing is sent.
    """
    return len(notify(to=to, message=message, title=title, level=level, url=url, data=data))
