"""What ``manage.py check`` says about models that are open to rules."""

from collections.abc import Sequence
from typing import Any

from django.core import checks

from notifications.saved_rules import opening


@checks.register
def opened_models_are_usable(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Each field that rules may read is in the row, and each path leads to a person."""
    return [
        checks.Error(mistake, hint="No rule of this model can be made.", id="hub.E074")
        for one in opening.opened.values()
        for mistake in one.mistakes()
    ]
