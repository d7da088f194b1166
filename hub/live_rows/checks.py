"""What ``manage.py check`` says about live rows."""

from collections.abc import Sequence
from typing import Any

from django.core import checks

from hub.live_rows import declaring


@checks.register
def live_rows_can_be_published(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """The fields of live rows are in the row, can be JSON, and tell rows from each other."""
    return [
        checks.Error(
            f"The live rows of {rows.model._meta.label}: {mistake}",
            hint="Nothing is published of them.",
            id="hub.E073",
        )
        for rows in declaring.declared
        for mistake in rows.mistakes()
    ]
