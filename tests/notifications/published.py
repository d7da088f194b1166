"""What alerts have published."""

from typing import Any

import msgspec

from hub.models import Publication


def published(channel: str) -> list[Any]:
    """The data of what a channel has, in order."""
    rows = Publication.objects.filter(channel=channel).exclude(offset=None).order_by("offset")
    return [
        msgspec.json.decode(row.data if row.shared is None else row.shared.data)
        for row in rows.select_related("shared")
    ]


def alerts_on(channel: str) -> list[Any]:
    """The data of the alerts among what a channel has, in order."""
    return [data for data in published(channel) if data["type"] == "notifications.notification_created"]
