"""Runs the saved rules of a model when a row of it changes."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import models

from hub.database import SavedRow, note, noted, run_last_on_commit, watch
from notifications import failed_calls, sources
from notifications.rules.running import attempt
from notifications.saved_rules import current, opening, trials
from notifications.saved_rules.opening import OpenedModel
from notifications.saved_rules.reading import ReadyRule, Values
from notifications.sending.alerting import Alert


def open_to_rules(model: type[models.Model], *, fields: Iterable[str], recipients: Iterable[str] = ()) -> None:
    """Let people make rules of ``model`` in the admin, who may change saved rules.

    Call it in ``alerts.py`` of an app. Without it no model is open.

    Args:
        model: whose rows; proxies and subclasses are models of their own.
        fields: what rules may read. Whoever may change rules can read these fields of all rows, and send them to
            anybody.
        recipients: paths from a row to a person, of foreign keys: ``customer``, ``customer__manager``.

    A model that has no rule costs nothing; the rules that are on are known to each process for two seconds.
    """
    one = opening.declare(model, fields, recipients)
    if one.is_usable:
        columns = partial(_columns, one)
        watch(partial(_changed, one), model, columns, f"hub.saved_rules:{one.label}", deletions=True)


def _columns(model: OpenedModel) -> Collection[str]:
    return model.columns if current.rules_of(model.label) else ()


def _changed(model: OpenedModel, row: SavedRow) -> None:
    rules = current.rules_of(model.label)
    if not rules or not row.knows(model.columns):
        return  # the rules were switched on since the row was read
    now = row.now(model.columns) if row.may_differ(model.columns) and not row.is_deleted else row.before
    for rule in rules:
        if rule.is_on_trial:
            trials.note_save(rule, row, now)
        else:
            _fire(rule, row, now)


def _fire(rule: ReadyRule, row: SavedRow, now: Values) -> None:
    source, key = _Source(rule), ("hub.saved_rules", rule.pk, row.instance.pk)
    try:
        applies = rule.applies(now, row.before, is_deleted=row.is_deleted)
    except Exception as error:  # noqa: BLE001  # whatever a rule compares, the save goes on
        source.log(error)
        return
    if not applies and not noted(("fired", key), using=row.using):
        return  # nearly always: no savepoint for it
    said: list[Alert] = []

    def describe() -> list[Alert]:
        described = rule.alert_for(now, row.before) if applies and now is not None else None
        if described is not None:
            said.append(described)
        return said

    attempt(source, describe, row.using, key)
    _count(rule, key, row.using, has_fired=bool(said) and not source.has_failed)


def _count(rule: ReadyRule, key: Any, using: str, *, has_fired: bool) -> None:
    """Count the objects of the transaction about which there is an alert at its end, when it is committed."""
    had_fired = noted(("fired", key), using=using) or False
    if has_fired == had_fired:
        return
    number = (noted(("fired", rule.pk), using=using) or 0) + (1 if has_fired else -1)
    note(("fired", key), has_fired, using=using)
    note(("fired", rule.pk), number, using=using)
    run_last_on_commit(("count", rule.pk), partial(current.count, rule.pk, number), using=using)


@dataclass(slots=True)
class _Source:
    """A rule, whose errors stand in its row and reach nobody who saves."""

    rule: ReadyRule
    has_failed: bool = False

    @property
    def name(self) -> str:
        """The number of its row."""
        return sources.written(sources.SAVED_RULE, self.rule.pk)

    def fail(self, error: Exception) -> None:
        self.log(error)

    def log(self, error: Exception) -> None:
        self.has_failed = True
        current.note_failure(self.rule.pk, self.rule.name, error)
        failed_calls.note(self.name, self.rule.name, error)
