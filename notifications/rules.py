"""Rules: alerts that follow from saving or deleting a model, written in ``alerts.py`` of any installed app."""

import contextlib
import os
from collections.abc import Callable, Hashable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, OperationalError, connection, connections, models, transaction
from django.db.models.signals import post_delete, post_save

from hub.config import are_rule_errors_raised
from hub.database import SavedRow, is_in_transaction, run_last_on_commit, watch
from hub.logs import get_logger
from notifications import conditions
from notifications.actions import send
from notifications.alerting import Alert
from notifications.coalescing import send_last
from notifications.conditions import Condition, Mistake

log = get_logger(__name__)

M = TypeVar("M", bound=models.Model)

#: How often it is tried to send what another database has committed, while a transaction of SQLite holds it up for
#: ten seconds each.
ATTEMPTS = 6

#: What a rule may return.
Returned = Alert | Iterable[Alert] | None

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
    """

    def decorate(rule: R) -> R:
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

    def decorate(rule: R) -> R:
        def alert_on_post_delete(sender: type[M], instance: M, using: str, **kwargs: Any) -> None:
            run(rule, instance, using)

        post_delete.connect(alert_on_post_delete, sender=model, weak=False, dispatch_uid=_uid(rule, model))
        return rule

    return decorate


def run(rule: Rule, instance: models.Model, using: str = DEFAULT_DB_ALIAS) -> None:
    """Run one rule and send what it returns; an error goes no further, unless ``HUB_RULES_RAISE`` says so.

    ``using`` is the database of the instance.
    """
    _attempt(rule, instance._meta.label, partial(rule, instance), using)


def run_last(rule: Rule, label: str, describe: Callable[[], Returned], key: Hashable, using: str) -> None:
    """As :func:`run`, for what ``describe`` returns, in the place of what was sent for ``key`` in this transaction.

    ``label`` is that of the model.
    """
    _attempt(rule, label, describe, using, key)


def _connect(rule: Rule, model: type[M], wanted: bool | None, uid: str) -> None:
    def alert_on_post_save(
        sender: type[M], instance: M, created: bool, using: str, raw: bool = False, **kwargs: Any
    ) -> None:
        if not raw and wanted in (None, created):
            run(rule, instance, using)

    post_save.connect(alert_on_post_save, sender=model, weak=False, dispatch_uid=uid)


def _run_for_change(rule: Rule, condition: Condition, uid: str, row: SavedRow) -> None:
    def describe() -> Returned:
        met = condition.met_by(row)
        if met is None:
            return None
        return rule(*met) if conditions.takes_old(rule) else rule(met[0])

    run_last(rule, row.instance._meta.label, describe, (uid, row.instance.pk), row.using)


def _attempt(
    rule: Rule, label: str, describe: Callable[[], Returned], using: str, key: Hashable | None = None
) -> None:
    try:
        # Savepoints where transactions are open: an SQL error in the rule must not spoil the save around it.
        with contextlib.ExitStack() as transactions:
            for alias in {using, DEFAULT_DB_ALIAS}:
                transactions.enter_context(transaction.atomic(using=alias))
            result = describe()
            alerts = [result] if isinstance(result, Alert) else list(result or ())
            if using == DEFAULT_DB_ALIAS:
                _send(alerts, key)
        if using != DEFAULT_DB_ALIAS:
            _keep(rule, label, alerts, using, key)
    except Exception as error:  # noqa: BLE001  # whatever a rule raises, the save goes on
        _fail(rule, label, error)


def _send(alerts: Sequence[Alert], key: Hashable | None) -> None:
    if key is not None:
        send_last(key, alerts)
    elif alerts:
        send(alerts)


def _keep(rule: Rule, label: str, alerts: Sequence[Alert], using: str, key: Hashable | None) -> None:
    send_kept = partial(_send_kept, rule, label, alerts)
    if key is not None:
        run_last_on_commit(key, send_kept, using=using)
    elif alerts:
        transaction.on_commit(send_kept, using=using)


def _send_kept(rule: Rule, model: str, alerts: Sequence[Alert]) -> None:
    """Send what follows from a save that another database has committed."""
    if not alerts:
        return
    if is_in_transaction(connection):
        # What becomes of that transaction says nothing of the save. On SQLite one has to wait until it is over.
        _apart(os.getpid()).submit(_send_apart, rule, model, alerts)
        return
    try:
        send(alerts)
    except Exception as error:  # noqa: BLE001  # the save is committed
        _fail(rule, model, error)


def _send_apart(rule: Rule, model: str, alerts: Sequence[Alert]) -> None:
    try:
        for attempts_left in reversed(range(ATTEMPTS)):
            try:
                send(alerts)
            except OperationalError as error:
                if not attempts_left:
                    _log_failure(rule, model, error)
            except Exception as error:  # noqa: BLE001  # the save is committed
                _log_failure(rule, model, error)
                return
            else:
                return
    finally:
        connections.close_all()


@cache
def _apart(process: int) -> ThreadPoolExecutor:
    """A thread with a connection of its own; the interpreter does not end before its work is done."""
    return ThreadPoolExecutor(1, thread_name_prefix="hub-rules")


def _fail(rule: Rule, model: str, error: Exception) -> None:
    """Raise the error of a rule, or log it, as ``HUB_RULES_RAISE`` says."""
    if are_rule_errors_raised():
        error.add_note(
            f"Raised by the rule {_name(rule)} of {model}. In production it would be logged, and the save would go on "
            "(HUB_RULES_RAISE)."
        )
        raise error
    _log_failure(rule, model, error)


def _log_failure(rule: Rule, model: str, error: Exception) -> None:
    log.error("rule_failed", rule=_name(rule), model=model, exc_info=error)


def _name(rule: Rule) -> str:
    return f"{rule.__module__}.{rule.__qualname__}"


def _uid(rule: Rule, model: type[models.Model], created: bool | None = None) -> str:
    return f"{_name(rule)}:{model._meta.label}:{created}"
