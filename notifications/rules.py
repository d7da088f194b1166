"""Rules: alerts that follow from saving or deleting a model, written in ``alerts.py`` of any installed app."""

import contextlib
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import Any, TypeVar

import structlog
from django.db import DEFAULT_DB_ALIAS, OperationalError, connection, connections, models, transaction
from django.db.models.signals import post_delete, post_save

from notifications.actions import send
from notifications.alerting import Alert

log = structlog.get_logger(__name__)

M = TypeVar("M", bound=models.Model)

#: How often it is tried to send what another database has committed, while a transaction of SQLite holds it up for
#: ten seconds each.
ATTEMPTS = 6

#: Given the instance, returns what shall be sent.
Rule = Callable[[M], Alert | Iterable[Alert] | None]


def on_save(model: type[M], *, created: bool | None = None) -> Callable[[Rule[M]], Rule[M]]:
    """Decorate a function that returns the alert, the alerts, or None, for an instance of ``model`` just saved.

    Args:
        model: whose saves; proxies and subclasses are models of their own.
        created: True for new rows only, False for changes only, None for both.

    The rule runs in the transaction of the save, so what it sends reaches clients only after the commit. Where the
    model is of another database than the hub's rows, its alerts are stored after the commit there, whatever becomes of
    a transaction here. Fixtures (``raw=True``) are skipped; ``bulk_create()`` and ``update()`` send no signal in
    Django and so run no rule. An error in a rule is logged with the rule's name; the save and the other rules go on.
    """

    def decorate(rule: Rule[M]) -> Rule[M]:
        def alert_on_post_save(
            sender: type[M], instance: M, created: bool, using: str, raw: bool = False, **kwargs: Any
        ) -> None:
            if not raw and wanted in (None, created):
                run(rule, instance, using)

        wanted = created
        post_save.connect(alert_on_post_save, sender=model, weak=False, dispatch_uid=_uid(rule, model, wanted))
        return rule

    return decorate


def on_delete(model: type[M]) -> Callable[[Rule[M]], Rule[M]]:
    """Like :func:`on_save`, for an instance just deleted (it still has its primary key)."""

    def decorate(rule: Rule[M]) -> Rule[M]:
        def alert_on_post_delete(sender: type[M], instance: M, using: str, **kwargs: Any) -> None:
            run(rule, instance, using)

        post_delete.connect(alert_on_post_delete, sender=model, weak=False, dispatch_uid=_uid(rule, model))
        return rule

    return decorate


def run(rule: Rule[M], instance: M, using: str = DEFAULT_DB_ALIAS) -> None:
    """Run one rule and send what it returns; an error is logged and goes no further.

    ``using`` is the database of the instance.
    """
    failed = partial(_log_failure, rule, instance._meta.label)
    try:
        # Savepoints where transactions are open: an SQL error in the rule must not spoil the save around it.
        with contextlib.ExitStack() as transactions:
            for alias in {using, DEFAULT_DB_ALIAS}:
                transactions.enter_context(transaction.atomic(using=alias))
            result = rule(instance)
            alerts = [result] if isinstance(result, Alert) else list(result or ())
            if alerts and using == DEFAULT_DB_ALIAS:
                send(alerts)
        if alerts and using != DEFAULT_DB_ALIAS:
            transaction.on_commit(partial(_send_kept, alerts, failed), using=using)
    except Exception as error:  # noqa: BLE001  # whatever a rule raises, the save goes on
        failed(error)


def _send_kept(alerts: Sequence[Alert], failed: Callable[[Exception], None]) -> None:
    """Send what follows from a save that another database has committed."""
    if connection.in_atomic_block:
        # What becomes of that transaction says nothing of the save. On SQLite one has to wait until it is over.
        _apart(os.getpid()).submit(_send_apart, alerts, failed)
    else:
        _send(alerts, failed)


def _send(alerts: Sequence[Alert], failed: Callable[[Exception], None]) -> None:
    try:
        send(alerts)
    except Exception as error:  # noqa: BLE001  # the save is committed
        failed(error)


def _send_apart(alerts: Sequence[Alert], failed: Callable[[Exception], None]) -> None:
    try:
        for attempts_left in reversed(range(ATTEMPTS)):
            try:
                send(alerts)
            except OperationalError as error:
                if not attempts_left:
                    failed(error)
            except Exception as error:  # noqa: BLE001  # the save is committed
                failed(error)
                return
            else:
                return
    finally:
        connections.close_all()


@cache
def _apart(process: int) -> ThreadPoolExecutor:
    """A thread with a connection of its own; the interpreter does not end before its work is done."""
    return ThreadPoolExecutor(1, thread_name_prefix="hub-rules")


def _log_failure(rule: Rule[Any], model: str, error: Exception) -> None:
    log.error("rule_failed", rule=f"{rule.__module__}.{rule.__qualname__}", model=model, exc_info=error)


def _uid(rule: Rule[Any], model: type[models.Model], created: bool | None = None) -> str:
    return f"{rule.__module__}.{rule.__qualname__}:{model._meta.label}:{created}"
