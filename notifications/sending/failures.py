"""Jobs that cannot go on rest: why stands in their row, and nothing but a person starts them again."""

from typing import Any

from django.db.models import QuerySet

from notifications.errors import told
from notifications.models import FAILURE_LIMIT


def note(under_way: QuerySet[Any], error: Exception) -> None:
    """Note in these rows why their job cannot go on."""
    under_way.update(failure=told(error, FAILURE_LIMIT))


def clear(under_way: QuerySet[Any]) -> bool:
    """Let those of these rows go on that rest; returns whether there were any."""
    return bool(under_way.exclude(failure="").update(failure=""))
