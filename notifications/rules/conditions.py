"""What a save must have changed for a rule to run, and the values before it."""

import inspect
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db import models

from hub.database import SavedRow

#: Rules that cannot run, as sentences: what ``manage.py check`` says.
mistakes: list[str] = []


class Mistake(ValueError):
    """A rule names a field by which no rule can go."""


class Old:
    """A row as the database had it before the open transaction first saved it: ``old.status``, ``old.customer_id``.

    It has the columns of the fields that the rule names; of a rule that names none, all of the model. A foreign key is
    there as its column, so that nothing is looked up that may have changed since.
    """

    def __init__(self, label: str, values: dict[str, Any]) -> None:
        self._label = label
        self._values = values

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["_values"][name]
        except KeyError:
            known = ", ".join(self.__dict__.get("_values", ()))
            raise AttributeError(f"The old row has no {name!r}, only {known}: name it in the rule's fields.") from None

    def __repr__(self) -> str:
        return f"<Old {self._label}: {self._values!r}>"


def refuse_other_than_model(decorator: str, model: object) -> None:
    """Raise a TypeError that says what the decorator takes, unless it was given a model."""
    if not (isinstance(model, type) and issubclass(model, models.Model)):
        raise TypeError(f"@{decorator}() takes a model, such as @{decorator}(Order), and was given {model!r}.")


@dataclass(frozen=True, slots=True)
class Condition:
    """When a rule of changes runs.

    Args:
        fields: the columns of which one has to differ from before; empty for any save.
        columns: those that are read.
        when: has to be true, given the instance and the old row.
        created: True for rows that the transaction has made, False for others, None for both.
    """

    fields: tuple[str, ...]
    columns: tuple[str, ...]
    when: Callable[[Any, Any], bool] | None
    created: bool | None

    def may_be_met_by(self, row: SavedRow) -> bool:
        """Whether the rule may have to run; asks no database."""
        return self.created in (None, row.before is None) and (not self.fields or row.may_differ(self.fields))

    def met_by(self, row: SavedRow) -> tuple[Any, Old | None] | None:
        """The instance as it is stored and the old row, if the rule is to run."""
        if self.created not in (None, row.before is None):
            return None
        instance = row.changed(self.fields or self.columns)
        if instance is None:
            if self.fields:
                return None
            instance = row.instance
        old = None
        if row.before is not None:
            old = Old(instance._meta.label, {name: row.before[name] for name in self.columns})
        return (instance, old) if self.when is None or self.when(instance, old) else None


def condition(
    model: type[models.Model],
    created: bool | None,
    fields: Iterable[str] | None,
    when: Callable[[Any, Any], bool] | None,
) -> Condition:
    """The condition that a rule declares.

    Raises:
        Mistake: a field is none of the model's, or not one that is in the row itself.
    """
    names = [fields] if isinstance(fields, str) else list(fields or ())
    named = tuple(dict.fromkeys(_column(model, name) for name in names))
    every = tuple(field.attname for field in model._meta.concrete_fields if not _is_composite(field))
    return Condition(named, named or every, when, created)


def takes_old(rule: Callable[..., Any]) -> bool:
    """Whether a rule wants the old row beside the instance."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    wanted = [
        parameter
        for parameter in inspect.signature(rule).parameters.values()
        if parameter.kind in kinds and parameter.default is inspect.Parameter.empty
    ]
    return len(wanted) > 1


def many_to_many(model: type[models.Model], name: str) -> "models.ManyToManyField[Any, Any]":
    """The many-to-many field of this name.

    Raises:
        Mistake: the model has no field of this name, or it is another one.
    """
    field = _field(model, name)
    if not isinstance(field, models.ManyToManyField):
        raise Mistake(f"{model._meta.label}.{name} is no many-to-many field; use @on_save(…, fields=[{name!r}]).")
    return field


def _column(model: type[models.Model], name: str) -> str:
    field = _field(model, name)
    if isinstance(field, models.ManyToManyField):
        raise Mistake(
            f"{model._meta.label}.{name} is a many-to-many field, which no save changes; use @on_m2m_change(…)."
        )
    if not getattr(field, "concrete", False) or _is_composite(field):
        raise Mistake(f"{model._meta.label}.{name} is not in the row itself: a save does not change it.")
    return str(field.attname)


def _field(model: type[models.Model], name: str) -> Any:
    try:
        return model._meta.get_field(name)
    except FieldDoesNotExist:
        raise Mistake(f"{model._meta.label} has no field {name!r}. It has {_names(model)}.") from None


def _names(model: type[models.Model]) -> str:
    fields: Collection[Any] = [*model._meta.concrete_fields, *model._meta.many_to_many]
    return ", ".join(field.name for field in fields)


def _is_composite(field: Any) -> bool:
    return isinstance(field, models.CompositePrimaryKey)
