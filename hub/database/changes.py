"""Changes of a row, with what it was before: what the database had before the open transaction changed it first.

The row is read when Django says ``pre_save`` or ``pre_delete``, so many columns of it as somebody wants, and once in a
transaction. Inside a transaction it is locked by that, a moment before the change locks it: nobody changes it in
between. Models that nobody watches cost nothing.
"""

import copy
from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from django.db import DEFAULT_DB_ALIAS, Error, connections, models
from django.db.models.base import ModelState
from django.db.models.signals import post_delete, post_save, pre_delete, pre_save

from hub.database.transaction_notes import note, noted
from hub.logs import get_logger

log = get_logger(__name__)

#: The values of a row by the names of their columns' attributes (``customer_id``); None: there was no row.
Values = Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class _Before:
    values: Values


@dataclass(frozen=True, slots=True)
class SavedRow:
    """A row just saved or deleted.

    Args:
        instance: what was saved or deleted. It may differ from the row: not all of its fields were saved, or as
            expressions.
        before: the row before the open transaction changed it first, with the columns that are watched.
        using: the database.
        update_fields: the names of the fields that were saved; None for all.
        is_first: this is the first change of the row in the transaction.
        is_deleted: the row is gone.
    """

    instance: models.Model
    before: Values
    using: str
    update_fields: Collection[str] | None
    is_first: bool
    is_deleted: bool = False

    def knows(self, columns: Collection[str]) -> bool:
        """Whether these columns of the row before are known: nobody may have wanted them when it was read."""
        return self.before is None or self.before.keys() >= set(columns)

    def changed(self, names: Collection[str]) -> models.Model | None:
        """The instance with what the row has now, if the row is new or one of the columns differs from before.

        Asks the database only where it may. The instance that was saved stays as it is: a copy is returned where
        the row has other values.
        """
        if not self.may_differ(names):
            return None
        if self.before is None and self.is_first and not any(map(self._is_expression, names)):
            return self.instance
        now = self.now(names) or {}
        if self.before is not None and all(now.get(name) == self.before[name] for name in names):
            return None
        found = self.instance.__dict__
        if all(name in found and found[name] == value for name, value in now.items()):
            return self.instance
        as_stored = _copy(self.instance)
        for name, value in now.items():
            setattr(as_stored, name, value)
        return as_stored

    def now(self, names: Collection[str]) -> Values:
        """These columns as the database has them; None where the row is gone."""
        if self.is_deleted:
            return None
        return _read(type(self.instance), self.instance.pk, names, self.using)

    def may_differ(self, names: Collection[str]) -> bool:
        """Whether one of the columns may have another value than before; asks no database."""
        return self.before is None or self.is_deleted or any(map(self._may_differ, names))

    def _may_differ(self, name: str) -> bool:
        column: Any = self.instance._meta.get_field(name)
        was_saved = self.update_fields is None or not {column.name, column.attname}.isdisjoint(self.update_fields)
        if column.generated:
            return True
        if not was_saved or name not in self.instance.__dict__:
            return not self.is_first  # an earlier save may have changed it
        if self._is_expression(name):
            return True
        try:
            return bool(column.to_python(self.instance.__dict__[name]) != (self.before or {})[name])
        except Exception:  # noqa: BLE001  # what a field of the project's raises must not break the save
            return True

    def _is_expression(self, name: str) -> bool:
        return hasattr(self.instance.__dict__.get(name), "resolve_expression")


def _copy(instance: models.Model) -> models.Model:
    # Django's own way goes by what pickle does, and looks the model up by its name.
    copied: models.Model = type(instance).__new__(type(instance))
    copied.__dict__.update(instance.__dict__)
    copied._state = copy.copy(instance._state)
    copied._state.fields_cache = dict(instance._state.fields_cache)
    return copied


#: Told of each save of a model, and of each deletion if it asks for that.
Receiver = Callable[[SavedRow], None]


@dataclass(slots=True)
class _Watched:
    wanted: list[Callable[[], Collection[str]]] = field(default_factory=list)
    receivers: dict[Hashable, Receiver] = field(default_factory=dict)
    of_deletions: dict[Hashable, Receiver] = field(default_factory=dict)

    @property
    def columns(self) -> set[str]:
        """Those that somebody wants now."""
        return set().union(*(wanted() for wanted in self.wanted))


#: By model.
watched: dict[type[models.Model], _Watched] = {}

#: What was read for the changes of an instance that are under way: one may save it in a receiver of the other.
#: None where nobody wanted anything.
_under_way: WeakKeyDictionary[ModelState, list[tuple[_Before, bool] | None]] = WeakKeyDictionary()


def watch(
    receiver: Receiver,
    model: type[models.Model],
    columns: Collection[str] | Callable[[], Collection[str]],
    uid: Hashable,
    *,
    deletions: bool = False,
) -> None:
    """Call ``receiver`` in the transaction of each save of ``model``, and with ``deletions`` of each deletion.

    It is told these columns of the row before. Fixtures are skipped. ``uid`` names the receiver; of two of one name
    only the first is called. ``columns`` may be a function that is asked before each change: what it returns then is
    read, and where nobody wants anything, nothing is, and no receiver is called (:meth:`SavedRow.knows`).

    Proxies and subclasses are models of their own.
    """
    known = watched.setdefault(model, _Watched())
    if uid not in known.receivers:
        known.wanted.append(columns if callable(columns) else lambda: columns)
        known.receivers[uid] = receiver
    pre_save.connect(_saving, sender=model, dispatch_uid="hub.database.changes")
    post_save.connect(_saved, sender=model, dispatch_uid="hub.database.changes")
    if deletions:
        known.of_deletions.setdefault(uid, receiver)
        pre_delete.connect(_deleting, sender=model, dispatch_uid="hub.database.changes")
        post_delete.connect(_deleted, sender=model, dispatch_uid="hub.database.changes")


def _saving(
    sender: type[models.Model],
    instance: models.Model,
    *,
    using: str = DEFAULT_DB_ALIAS,
    raw: bool = False,
    **_: Any,
) -> None:
    if not raw:
        columns = watched[sender].columns
        before = _before(sender, instance, columns, using) if columns else None
        _under_way.setdefault(instance._state, []).append(before)


def _saved(
    sender: type[models.Model],
    instance: models.Model,
    *,
    using: str = DEFAULT_DB_ALIAS,
    raw: bool = False,
    update_fields: Any = None,
    **_: Any,
) -> None:
    if raw or (read := _read_before(instance)) is None:
        return
    before, is_first = read
    if is_first:  # a new row has its key only now
        note(_key(sender, instance.pk), before, using=using)
    saved = SavedRow(instance, before.values, using, update_fields, is_first)
    for receiver in list(watched[sender].receivers.values()):
        receiver(saved)


def _deleting(
    sender: type[models.Model],
    instance: models.Model,
    *,
    using: str = DEFAULT_DB_ALIAS,
    origin: Any = None,
    **_: Any,
) -> None:
    loaded = instance.__dict__
    columns = watched[sender].columns
    if not columns:
        _under_way.setdefault(instance._state, []).append(None)
        return
    # What goes with others, or by a queryset, Django has just loaded. What somebody held and deletes may be old.
    is_just_loaded = origin is not None and origin is not instance
    if is_just_loaded and columns <= loaded.keys() and noted(_key(sender, instance.pk), using=using) is None:
        note(_key(sender, instance.pk), _Before({name: loaded[name] for name in columns}), using=using)
    _under_way.setdefault(instance._state, []).append(_before(sender, instance, columns, using))


def _deleted(sender: type[models.Model], instance: models.Model, *, using: str = DEFAULT_DB_ALIAS, **_: Any) -> None:
    if (read := _read_before(instance)) is None:
        return
    before, is_first = read
    deleted = SavedRow(instance, before.values, using, None, is_first, is_deleted=True)
    for receiver in list(watched[sender].of_deletions.values()):
        receiver(deleted)


def _read_before(instance: models.Model) -> tuple[_Before, bool] | None:
    """What was read before the change that is done now; None where nobody wanted it.

    Projects send signals by hand after a bulk write, and mute those before a save: of these there is nothing.
    """
    read = _under_way.get(instance._state)
    return read.pop() if read else None


def _before(
    model: type[models.Model], instance: models.Model, columns: Collection[str], using: str
) -> tuple[_Before, bool] | None:
    """The row before the first save of the open transaction, and whether this one is the first.

    None where a field of the project's cannot be read: nothing is known then, and the save goes on.
    """
    pk = instance.pk
    if pk is None or hasattr(pk, "resolve_expression"):
        return _Before(None), True
    try:
        key = _key(model, pk)
    except Exception:  # noqa: BLE001  # this is no key: the save says so itself
        return _Before(None), True
    known = noted(key, using=using)
    if known is not None:
        return known, False
    try:
        before = _Before(_read(model, pk, columns, using))
    except Error:
        raise  # the transaction may be spoilt, and the save would fail as well
    except Exception:
        log.exception("row_before_unreadable", model=model._meta.label)
        return None
    note(key, before, using=using)
    return before, True


def _key(model: type[models.Model], pk: Any) -> Hashable:
    key: Any = model._meta.pk
    return "hub.database.changes", model, key.to_python(pk)


def _read(model: type[models.Model], pk: Any, columns: Collection[str], using: str) -> Values:
    connection = connections[using]
    # Not the project's manager: a row of a grouped or distinct query cannot be locked.
    rows: models.QuerySet[Any] = models.QuerySet(model, using=using).filter(pk=pk).order_by()
    if connection.in_atomic_block and connection.features.has_select_for_update:
        rows = rows.select_for_update(no_key=connection.features.has_select_for_no_key_update)
    names = sorted(columns)
    found = list(rows.values_list(*names))
    return dict(zip(names, found[0], strict=True)) if found else None
