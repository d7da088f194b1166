"""What ``manage.py check`` says about the audiences and rules that apps declare."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.core import checks

from notifications import conditions
from notifications.named_audiences import BadAudience, declared


@checks.register
def audiences_are_people(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Each audience returns a queryset of people that can be read step by step. Asks no database."""
    return list(_mistakes())


@checks.register
def rules_can_run(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Each rule names fields that its model has, of the kind that it goes by."""
    return [checks.Error(mistake, hint="The rule never runs.", id="hub.E072") for mistake in conditions.mistakes]


def _mistakes() -> Iterator[checks.CheckMessage]:
    for audience in declared():
        try:
            audience.people()
        except BadAudience as error:
            yield checks.Error(str(error), id="hub.E070")
        except Exception as error:  # noqa: BLE001  # whatever a function of the project's raises
            yield checks.Error(
                f"The audience {audience.label!r} cannot be read: {type(error).__name__}: {error}.",
                hint="Its function takes no arguments and returns a queryset of people.",
                id="hub.E071",
            )
