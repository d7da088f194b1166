"""What ``manage.py check`` says about the audiences that apps declare."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.core import checks

from notifications.named_audiences import BadAudience, declared


@checks.register
def audiences_are_people(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Each audience returns a queryset of people that can be read step by step. Asks no database."""
    return list(_mistakes())


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
