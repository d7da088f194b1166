"""Rules: alerts that follow from saving or deleting a model, written in ``alerts.py`` of any installed app."""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, models
from django.db.models.signals import post_delete, post_save

from hub.config import are_rule_errors_raised
from hub.database import SavedRow, noted, watch
from hub.logs import get_logger
from notifications import failed_calls, sources
from notifications.rules import conditions, discarded
from notifications.rules.conditions import Condition, Mistake
from notifications.rules.running import Returned, attempt

log = get_logger(__name__)

M = TypeVar("M", bound=models.Model)

#: Given the instance, and in some the old row too, returns what shall be sent.
Rule = Callable[..., Returned]

R = TypeVar("R", bound=Rule)


def on_save(
    model: type[M],
    *,
    created: bool | None = None,
    fields: Iterable[str] | None = None,
    when: Callable[[M, Any], bool] | None = None,
) -> Callable[[R], R]:
    """Decorate a function that returns the alert, the alerts, or None, for an instance of ``model`` just saved.

    Args:
        model: whose saves; proxies and subclasses are models of their own.
        created: True for new rows only, False for changes only, None for both.
        fields: names of fields; the rule runs if one of them has another value than before, or the row is new.
        when: called with the instance and the old row (None for a new one); the rule runs if it returns true.

    The rule runs in the transaction of the save, so what it sends reaches clients only after the commit. Where the
    model is of another database than the hub's rows, its alerts are stored after the commit there, whatever becomes of
    a transaction here. Fixtures (``raw=True``) are skipped; ``bulk_create()`` and ``update()`` send no signal in
    Django and so run no rule (:func:`notifications.notify_bulk`). An error in a rule is logged with the rule's name;
    the save and the other rules go on. In tests it is raised (``HUB_RULES_RAISE``).

    With ``fields``, with ``when``, or if the function takes a second argument, the old row, all saves of one object in
    a transaction are one change: from what the database had before the first of them to what the last one leaves. The
    rule runs at each of them, and what it returns takes the place of what it returned before. ``created`` says then
    whether the transaction has made the row.

    Raises:
        TypeError: ``model`` is no model, such as its name as a text.
    """
    conditions.refuse_other_than_model("on_save", model)

    def decorate(rule: R) -> R:
        discarded.note(rule)
        uid = _uid(rule, model, wanted)
        if fields is None and when is None and not conditions.takes_old(rule):
            _connect(rule, model, wanted, uid)
            return rule
        try:
            condition = conditions.condition(model, wanted, fields, when)
        except Mistake as mistake:
            conditions.mistakes.append(f"The rule {_name(rule)}: {mistake}")
        else:
            watch(partial(_run_for_change, rule, condition, uid), model, condition.columns, uid)
        return rule

    wanted = created
    return decorate


def on_delete(model: type[M]) -> Callable[[R], R]:
    """Like :func:`on_save`, for an instance just deleted (it still has its primary key)."""
    conditions.refuse_other_than_model("on_delete", model)

    def decorate(rule: R) -> R:
        discarded.note(rule)

        def alert_on_post_delete(sender: type[M], instance: M, using: str = DEFAULT_DB_ALIAS, **kwargs: Any) -> None:
            run(rule, instance, using)

        post_delete.connect(alert_on_post_delete, sender=model, weak=False, dispatch_uid=_uid(rule, model))
        return rule

    return decorate


def run(rule: Rule, instance: models.Model, using: str = DEFAULT_DB_ALIAS) -> None:
    """Run one rule and send what it returns; an error goes no further, unless ``HUB_RULES_RAISE`` says so.

    ``using`` is the database of the instance.
    """
    attempt(_Source(rule, instance._meta.label), partial(rule, instance), using)


def run_last(rule: Rule, label: str, describe: Callable[[], Returned], key: Hashable, using: str) -> None:
    """As :func:`run`, for what ``describe`` returns, in the place of what was sent for ``key`` in this transaction.

    ``label`` is that of the model.
    """
    attempt(_Source(rule, label), describe, using, key)


def _connect(rule: Rule, model: type[M], wanted: bool | None, uid: str) -> None:
    def alert_on_post_save(
        sender: type[M],
        instance: M,
        created: bool = False,
        using: str = DEFAULT_DB_ALIAS,
        raw: bool = False,
        **kwargs: Any,
    ) -> None:
        if not raw and wanted in (None, created):
            run(rule, instance, using)

    post_save.connect(alert_on_post_save, sender=model, weak=False, dispatch_uid=uid)


def _run_for_change(rule: Rule, condition: Condition, uid: str, row: SavedRow) -> None:
    key = uid, row.instance.pk
    if not condition.may_be_met_by(row) and (row.is_first or noted(key, using=row.using) is None):
        return  # nearly always: no transaction for it

    def describe() -> Returned:
        met = condition.met_by(row)
        if met is None:
            return None
        return rule(*met) if conditions.takes_old(rule) else rule(met[0])

    run_last(rule, row.instance._meta.label, describe, key, row.using)


@dataclass(frozen=True, slots=True)
class _Source:
    """A function of the project's, and the label of its model."""

    rule: Rule
    label: str

    @property
    def name(self) -> str:
        """The function's."""
        return sources.written(sources.RULE, _name(self.rule))

    def fail(self, error: Exception) -> None:
        """Raise the error, or log it, as ``HUB_RULES_RAISE`` says."""
        if are_rule_errors_raised():
            error.add_note(
                f"Raised by the rule {_name(self.rule)} of {self.label}. In production it would be logged, and the "
                "save would go on (HUB_RULES_RAISE)."
            )
            raise error
        self.log(error)

    def log(self, error: Exception) -> None:
        """Log it with the names of both."""
        log.error("rule_failed", rule=_name(self.rule), model=self.label, exc_info=error)
        failed_calls.note(self.name, self.label, error)


def _name(rule: Rule) -> str:
    return f"{rule.__module__}.{rule.__qualname__}"


def _uid(rule: Rule, model: type[models.Model], created: bool | None = None) -> str:
    return f"{_name(rule)}:{model._meta.label}:{created}"
