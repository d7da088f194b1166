"""Rules of many-to-many fields: alerts that follow when objects are added to one or removed from it."""

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from django.db import DEFAULT_DB_ALIAS, models
from django.db.models.base import ModelState
from django.db.models.signals import m2m_changed

from hub.database import is_loaded, note, noted
from notifications.rules import conditions, discarded
from notifications.rules.declaring import Rule, run_last
from notifications.rules.running import Returned
from notifications.sending.alerting import Alert

R = TypeVar("R", bound=Rule)

#: Objects that are loaded at once where many have changed together.
CHUNK = 500


@dataclass(frozen=True, slots=True)
class RelationChange:
    """The primary keys of what the open transaction has added to a many-to-many field of one object, and removed."""

    added: frozenset[Any]
    removed: frozenset[Any]

    def then(self, added: frozenset[Any], removed: frozenset[Any]) -> "RelationChange":
        """This change and a later one as one: what was added and removed again is in neither."""
        return RelationChange(
            self.added - removed | (added - self.removed), self.removed - added | (removed - self.added)
        )


class _Relation:
    """Tells one rule of the changes of one field."""

    def __init__(self, rule: Rule, field: "models.ManyToManyField[Any, Any]", uid: str) -> None:
        self._rule, self._field, self._uid = rule, field, uid
        #: What is about to be removed, by the object whose relation is changed: its key and what it has.
        self._going: WeakKeyDictionary[ModelState, dict[Any, frozenset[Any]]] = WeakKeyDictionary()

    def changed(
        self,
        instance: models.Model,
        action: str,
        *,
        reverse: bool = False,
        pk_set: set[Any] | None = None,
        using: str = DEFAULT_DB_ALIAS,
        **_: Any,
    ) -> None:
        """A receiver of ``m2m_changed``."""
        if is_loaded(instance):
            return  # by ``loaddata``, which runs no rule
        match action:
            case "pre_remove" | "pre_clear":
                # Django names what is to be removed, whether it is there or not, and for a clear nothing.
                self._going[instance._state] = self._pairs(instance, reverse, pk_set, using)
            case "post_remove" | "post_clear":
                removed = self._going.pop(instance._state, {})
                for owner in self._owners(instance, reverse, removed, using):
                    self._tell(owner, frozenset(), removed[owner.pk], using)
            case "post_add" if pk_set:
                others = frozenset([instance.pk]) if reverse else frozenset(pk_set)
                for owner in self._owners(instance, reverse, pk_set, using):
                    self._tell(owner, others, frozenset(), using)

    def _pairs(
        self, instance: models.Model, reverse: bool, pk_set: set[Any] | None, using: str
    ) -> dict[Any, frozenset[Any]]:
        """By the key of each object that has the field: which of these it has."""
        mine, theirs = self._field.m2m_field_name(), self._field.m2m_reverse_field_name()
        known, other = (theirs, mine) if reverse else (mine, theirs)
        through: Any = self._field.remote_field.through
        rows = through._base_manager.using(using).filter(**{known: instance.pk})
        if pk_set is not None:
            rows = rows.filter(**{f"{other}__in": pk_set})
        found: dict[Any, set[Any]] = {}
        for owner, member in rows.values_list(mine, theirs):
            found.setdefault(owner, set()).add(member)
        return {owner: frozenset(members) for owner, members in found.items()}

    def _owners(
        self, instance: models.Model, reverse: bool, keys: Collection[Any], using: str
    ) -> Iterator[models.Model]:
        if not reverse:
            if keys:
                yield instance
            return
        ordered = list(keys)
        for start in range(0, len(ordered), CHUNK):
            rows = self._field.model._base_manager.using(using)
            yield from rows.in_bulk(ordered[start : start + CHUNK]).values()

    def _tell(self, owner: models.Model, added: frozenset[Any], removed: frozenset[Any], using: str) -> None:
        key: Hashable = ("notifications.m2m", self._uid, owner.pk)
        before: RelationChange = noted(key, using=using) or RelationChange(frozenset(), frozenset())
        change = before.then(added, removed)
        note(key, change, using=using)
        describe: Callable[[], Returned] = partial(self._describe, owner, change)
        run_last(self._rule, owner._meta.label, describe, (self._uid, owner.pk), using)

    def _describe(self, owner: models.Model, change: RelationChange) -> Alert | Iterable[Alert] | None:
        return self._rule(owner, change) if change.added or change.removed else None


def on_m2m_change(model: type[models.Model], name: str) -> Callable[[R], R]:
    """Decorate a function that returns the alert, the alerts, or None, for an object whose many-to-many field changed.

    The function gets the object and a :class:`RelationChange`: the primary keys that were ``added`` and ``removed``.
    It is called from whichever side the relation was changed, for each object of ``model`` that has another relation
    now, and never for what was there already. All changes of one object in a transaction are one, as with
    :func:`notifications.on_save` and ``fields``; what else is said there holds here, also of fixtures.

    A relation with a model of its own (``through``) changes silently where rows of that model are saved: make a rule
    of that model then.

    Raises:
        TypeError: ``model`` is no model, such as its name as a text.
    """
    conditions.refuse_other_than_model("on_m2m_change", model)

    def decorate(rule: R) -> R:
        discarded.note(rule)
        uid = f"{rule.__module__}.{rule.__qualname__}:{model._meta.label}.{name}"
        try:
            field = conditions.many_to_many(model, name)
        except conditions.Mistake as mistake:
            conditions.mistakes.append(f"The rule {rule.__module__}.{rule.__qualname__}: {mistake}")
        else:
            relation = _Relation(rule, field, uid)
            m2m_changed.connect(relation.changed, sender=field.remote_field.through, weak=False, dispatch_uid=uid)
        return rule

    return decorate
