"""What an app declares of its live rows, in ``live_rows.py``."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

import msgspec
from django.core.exceptions import FieldDoesNotExist
from django.db import models

from hub.database import watch
from hub.live_rows import publishing
from hub.streams import begin
from hub.validation.numbers import LARGEST

M = TypeVar("M", bound=models.Model)

#: All that are declared, those with mistakes too.
declared: "list[LiveRows[Any]]" = []


def _as_json(value: Any) -> Any:
    """A value as JSON has it; a whole number that browsers round as text."""
    plain = msgspec.to_builtins(value)
    return str(plain) if isinstance(plain, int) and abs(plain) > LARGEST else plain


@dataclass(frozen=True, eq=False)
class LiveRows(Generic[M]):
    """Rows of a model that are published as they change; made by :func:`live`, which says what the fields are."""

    model: type[M]
    channels: Callable[[M], Iterable[str]]
    fields: tuple[str, ...]
    key: str

    def page(self, channel: str, rows: "models.QuerySet[M]") -> dict[str, Any]:
        """What a page loads: ``items``, and the ``position`` of ``channel`` before they were read.

        Give it the rows that belong to the channel; all of ``rows`` are read. The answer is JSON as
        :class:`django.http.JsonResponse` makes it. Two queries.
        """
        position = begin([channel])[channel]
        names = [column.attname for column in self._columns]
        items = [self.item(dict(zip(names, values, strict=True))) for values in rows.values_list(*names)]
        return {"items": items, "position": {"epoch": position.epoch, "offset": position.offset}}

    def item(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of a row as JSON has them, and no others, from the values of its columns."""
        return {
            name: _as_json(values[column.attname]) for name, column in zip(self.fields, self._columns, strict=True)
        }

    def key_of(self, values: Mapping[str, Any]) -> Any:
        """What tells the row from others of the list."""
        return self.item(values)[self.key]

    def channels_of(self, values: Mapping[str, Any]) -> list[str]:
        """The channels of a row with these values of all columns."""
        names = [column.attname for column in self.model._meta.concrete_fields]
        return sorted(set(self.channels(self.model.from_db(None, names, [values[name] for name in names]))))

    @cached_property
    def columns(self) -> frozenset[str]:
        """All columns of the model: the channels may depend on any."""
        return frozenset(field.attname for field in self.model._meta.concrete_fields)

    @cached_property
    def _columns(self) -> list[Any]:
        return [self.model._meta.get_field(name) for name in self.fields]

    def mistakes(self) -> list[str]:
        """What is wrong with the declaration, as sentences."""
        found = []
        for name in self.fields:
            try:
                field = self.model._meta.get_field(name)
            except FieldDoesNotExist:
                found.append(f"{self.model._meta.label} has no field {name!r}.")
                continue
            if not isinstance(field, models.Field) or not field.concrete or field.many_to_many:
                found.append(f"{self.model._meta.label}.{name} is not in the row itself, so no save changes it.")
            elif isinstance(field, models.BinaryField):
                found.append(f"{self.model._meta.label}.{name} is binary, which JSON has not.")
        if self.key not in self.fields:
            found.append(f"{self.key!r}, which tells rows from each other, is not among the fields.")
        return found


def live(
    model: type[M],
    *,
    channels: Callable[[M], Iterable[str]],
    fields: Iterable[str],
    key: str | None = None,
) -> LiveRows[M]:
    """Publish the rows of ``model`` in channels of the product whenever they are made, changed or deleted.

    Call it in ``live_rows.py`` of an app, which the hub finds as Django finds ``admin.py``.

    Args:
        model: whose rows; proxies and subclasses are models of their own.
        channels: given a row, the names of the channels that have it; may depend on the columns of the row alone.
        fields: what is published of a row, and nothing else; foreign keys as the key of the other row.
        key: the one of ``fields`` that tells rows from each other, by default the primary key.

    Publications are stored in the transaction of the change and reach clients after its commit
    (:func:`hub.publishing.publish`). All changes of a row in a transaction are one publication in each channel: from
    what the row was before to what it is at the end. A row that leaves a channel is deleted there, and one that comes
    is created. Who may subscribe says the namespace of the channel (``namespaces.py``); all who do get the same.

    ``bulk_create()`` and ``update()`` send no signal in Django, and publish nothing. An error in ``channels``, or of
    the publishing, is logged; the save goes on. In tests it is raised (``HUB_RULES_RAISE``).
    """
    primary: Any = model._meta.pk
    rows = LiveRows(model, channels, tuple(dict.fromkeys(fields)), key or primary.name)
    declared.append(rows)
    if not rows.mistakes():
        uid = ("hub.live_rows", len(declared))
        watch(lambda row: publishing.publish_change(rows, uid, row), model, rows.columns, uid, deletions=True)
    return rows
