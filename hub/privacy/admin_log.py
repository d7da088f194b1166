"""The admin's log, which names each row as it was called when somebody changed it."""

from collections.abc import Collection
from typing import Any

from django.apps import apps
from django.db.models import Model, QuerySet

from hub.privacy.parts import ERASED_NAME


def forget(model: type[Model], keys: Collection[Any]) -> None:
    """Remove the entries about these rows of ``model``."""
    if (entries := _about(model, keys)) is not None:
        entries.delete()


def take_names_out(model: type[Model], keys: Collection[Any]) -> None:
    """Keep the entries about these rows of ``model``, without what the rows were called."""
    if (entries := _about(model, keys)) is not None:
        entries.update(object_repr=ERASED_NAME)


def _about(model: type[Model], keys: Collection[Any]) -> "QuerySet[Any] | None":
    if not keys or not apps.is_installed("django.contrib.admin"):
        return None
    # Their tables are there only where a project has these apps.
    from django.contrib.admin.models import LogEntry
    from django.contrib.contenttypes.models import ContentType

    kind = ContentType.objects.get_for_model(model)
    return LogEntry.objects.filter(content_type=kind, object_id__in=[str(key) for key in keys])
