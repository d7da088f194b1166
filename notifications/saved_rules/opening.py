"""Which models people may make rules of in the admin, and what such a rule may read of them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db import models

from hub.users import User

#: By ``app.model``.
opened: "dict[str, OpenedModel]" = {}


@dataclass(frozen=True, eq=False)
class OpenedModel:
    """A model of which rules can be made, with the names of the fields that they may read.

    ``recipients`` are paths from a row to a person, such as ``customer`` or ``customer__manager``.
    """

    model: type[models.Model]
    fields: tuple[str, ...]
    recipients: tuple[str, ...]

    @property
    def label(self) -> str:
        """As rules name it: ``shop.order``."""
        return self.model._meta.label_lower

    def column(self, name: str) -> Any:
        """The field of this name, if rules may read it; else ``LookupError``."""
        if name not in self.fields:
            raise LookupError(name)
        return self.model._meta.get_field(name)

    @cached_property
    def columns(self) -> frozenset[str]:
        """What is read of a row: the fields, and where the recipients' paths begin."""
        names = {*self.fields, *(path.partition("__")[0] for path in self.recipients)}
        return frozenset(self._attname(name) for name in names)

    def _attname(self, name: str) -> str:
        field: Any = self.model._meta.get_field(name)
        return str(field.attname)

    def mistakes(self) -> Iterator[str]:
        """What is wrong with the declaration, as sentences."""
        label = self.model._meta.label
        for name in self.fields:
            try:
                field = self.model._meta.get_field(name)
            except FieldDoesNotExist:
                yield f"{label} has no field {name!r}."
                continue
            if not isinstance(field, models.Field) or not field.concrete or field.many_to_many:
                yield f"{label}.{name} is not in the row itself."
            elif issubclass(self.model, User) and name == "password":
                yield f"{label}.{name} is a secret, which whoever makes rules could read."
            elif isinstance(field, models.BinaryField | models.JSONField):
                yield f"{label}.{name} has no text that a rule could show."
        for path in self.recipients:
            model: Any = self.model
            for step in path.split("__"):
                fields = {field.name: field for field in model._meta.concrete_fields}
                if not isinstance(fields.get(step), models.ForeignKey):
                    yield f"{label}: the path {path!r} leads to no person; {step!r} is no foreign key."
                    break
                model = fields[step].related_model
            else:
                if not issubclass(model, User):
                    yield f"{label}: the path {path!r} leads to {model._meta.label}, and not to a person."

    @property
    def is_usable(self) -> bool:
        """Whether the declaration has no mistakes."""
        return next(self.mistakes(), None) is None


def declare(model: type[models.Model], fields: Iterable[str], recipients: Iterable[str]) -> OpenedModel:
    """Make the model known; see :func:`notifications.open_to_rules`."""
    one = OpenedModel(model, tuple(dict.fromkeys(fields)), tuple(dict.fromkeys(recipients)))
    opened[one.label] = one
    return one
