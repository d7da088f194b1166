"""What refers to a row that was deleted, where the database has no foreign key that would say no.

A foreign key is looked at when a transaction commits. A row that the hub adds to somebody's transaction, such as an
alert to the customer whose orders are deleted along with them, would fail that commit, and a message in a room would
fail the deletion of the room. So such columns have no constraint in the database (``db_constraint=False``), and what
is left over is removed here (``docs/decisions/022-rows-that-may-outlive-others.md``).
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db import models
from django.db.models.functions import Now
from django.db.models.signals import post_delete

from hub.database.signals import listen
from hub.models import Deletion

#: Longer than a transaction stays open: whatever has not seen the deletion is committed by then.
SETTLED = timedelta(minutes=10)

#: Deletions that are followed up together, and rows that one statement deletes.
CHUNK = 500

#: By the label of a model: the columns that refer to it.
_references: dict[str, list["models.ForeignKey[Any, Any]"]] = {}


def clean_up(model: type[models.Model], *names: str) -> None:
    """Have rows of ``model`` go with the rows that these foreign keys of theirs refer to; called once by their app.

    Each foreign key has ``db_constraint=False``, and ``CASCADE`` or ``SET_NULL``: Django does that for the rows that
    it sees, and :func:`follow_up` for those that were added meanwhile.
    """
    for name in names:
        field: Any = model._meta.get_field(name)
        parent = field.related_model._meta
        listen(_note, post_delete, field.related_model, f"hub.database.deletions.{parent.label}")
        _references.setdefault(parent.label_lower, []).append(field)


def follow_up() -> int:
    """Remove what was left over by deletions longer than :data:`SETTLED` ago; returns how many deletions those were.

    Safe to call from any process at any time. Raises ``django.db.Error``; the next call does what is left then.
    """
    followed = 0
    while settled := list(Deletion.objects.filter(deleted_at__lt=Now() - SETTLED).order_by("pk")[:CHUNK]):
        for label in {deletion.model for deletion in settled}:
            keys = [deletion.key for deletion in settled if deletion.model == label]
            for field in _references.get(label, ()):
                _remove(field, keys)
        Deletion.objects.filter(pk__in=[deletion.pk for deletion in settled]).delete()
        followed += len(settled)
    return followed


def _note(sender: type[models.Model], instance: models.Model, **_: Any) -> None:
    Deletion.objects.create(model=instance._meta.concrete_model._meta.label_lower, key=str(instance.pk))  # type: ignore[union-attr]  # a model that has rows


def _remove(field: "models.ForeignKey[Any, Any]", keys: Sequence[str]) -> None:
    rows = field.model._default_manager.filter(**{f"{field.name}__in": keys})
    if field.remote_field.on_delete is models.SET_NULL:
        rows.update(**{field.name: None})
        return
    while ids := list(rows.values_list("pk", flat=True)[:CHUNK]):
        field.model._default_manager.filter(pk__in=ids).delete()
