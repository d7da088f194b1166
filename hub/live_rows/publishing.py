"""Publishes what has become of a row, once for all changes of a transaction."""

import contextlib
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import msgspec
from django.db import DEFAULT_DB_ALIAS, models, transaction

from hub.config import are_rule_errors_raised
from hub.database import SavedRow, note, noted, run_last_on_commit
from hub.live_rows.events import RowCreated, RowDeleted, RowUpdated
from hub.logs import get_logger
from hub.publishing import publish_many, unpublish

log = get_logger(__name__)

#: Publications, each with its channel.
Changes = list[tuple[str, msgspec.Struct]]


class Rows(Protocol):
    """What is asked of a declaration (:class:`hub.live_rows.LiveRows`)."""

    @property
    def model(self) -> type[models.Model]: ...
    @property
    def columns(self) -> frozenset[str]: ...
    def item(self, values: Mapping[str, Any]) -> dict[str, Any]: ...
    def key_of(self, values: Mapping[str, Any]) -> Any: ...
    def channels_of(self, values: Mapping[str, Any]) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class _Published:
    """What was published of a row in the open transaction, with the ids of the publications."""

    changes: Changes
    ids: list[int]


def publish_change(rows: Rows, uid: Hashable, row: SavedRow) -> None:
    """Publish what has become of a row since before the transaction, in the place of what was published in it so far.

    An error goes no further, unless ``HUB_RULES_RAISE`` says so.
    """
    key = (uid, row.instance.pk)
    if not row.may_differ(rows.columns) and (row.is_first or noted(key, using=row.using) is None):
        return  # no transaction for it
    try:
        # Savepoints where transactions are open: an error must not spoil the save around it.
        with contextlib.ExitStack() as transactions:
            for alias in {row.using, DEFAULT_DB_ALIAS}:
                transactions.enter_context(transaction.atomic(using=alias))
            changes = _changes(rows, row)
            if row.using == DEFAULT_DB_ALIAS:
                _publish_last(key, changes)
        if row.using != DEFAULT_DB_ALIAS:
            run_last_on_commit(key, partial(_publish_kept, rows, changes), using=row.using)
    except Exception as error:
        if are_rule_errors_raised():
            raise
        _log_failure(rows, error)


def _changes(rows: Rows, row: SavedRow) -> Changes:
    before, now = row.before, row.now(rows.columns) if row.may_differ(rows.columns) else row.before
    if before == now:
        return []
    old = {} if before is None else dict.fromkeys(rows.channels_of(before), rows.item(before))
    new = {} if now is None else dict.fromkeys(rows.channels_of(now), rows.item(now))
    is_same = before is not None and now is not None and rows.key_of(before) == rows.key_of(now)
    changes: Changes = []
    for channel in sorted(old.keys() | new.keys()):
        if channel in old and channel in new and is_same:
            if old[channel] != new[channel]:
                changes.append((channel, RowUpdated(new[channel])))
            continue
        if channel in old and before is not None:
            changes.append((channel, RowDeleted(rows.key_of(before))))
        if channel in new:
            changes.append((channel, RowCreated(new[channel])))
    return changes


def _publish_last(key: Hashable, changes: Changes) -> None:
    earlier: _Published | None = noted(key, using=DEFAULT_DB_ALIAS)
    if changes == ([] if earlier is None else earlier.changes):
        return
    if earlier is not None:
        unpublish(earlier.ids)
    note(key, _Published(changes, [one.pk for one in publish_many(changes)]), using=DEFAULT_DB_ALIAS)


def _publish_kept(rows: Rows, changes: Changes) -> None:
    """Publish what another database has committed."""
    try:
        publish_many(changes)
    except Exception as error:  # noqa: BLE001  # the change is committed
        _log_failure(rows, error)


def _log_failure(rows: Rows, error: Exception) -> None:
    log.error("live_row_failed", model=rows.model._meta.label, exc_info=error)
