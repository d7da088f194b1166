"""Rules: alerts that follow from saving or deleting a model, written in ``alerts.py`` of any installed app."""

import contextlib
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, OperationalError, connection, connections, models, transaction
from django.db.models.signals import post_delete, post_save

from hub.config import hub_settings, is_under_test
from hub.database import is_in_transaction
from hub.logs import get_logger
from notifications.actions import send
from notifications.alerting import Alert

log = get_logger(__name__)

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
    In tests it is raised (``HUB_RULES_RAISE``).
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
    """Run one rule and send what it returns; an error goes no further, unless ``HUB_RULES_RAISE`` says so.

    ``using`` is the database of the instance.
    """
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
            transaction.on_commit(partial(_send_kept, rule, instance._meta.label, alerts), using=using)
    except Exception as error:  # noqa: BLE001  # whatever a rule raises, the save goes on
        _fail(rule, instance._meta.label, error)


def _send_kept(rule: Rule[Any], model: str, alerts: Sequence[Alert]) -> None:
    """Send what follows from a save that another database has committed."""
    if is_in_transaction(connection):
        # What becomes of that transaction says nothing of the save. On SQLite one has to wait until it is over.
        _apart(os.getpid()).submit(_send_apart, rule, model, alerts)
        return
    try:
        send(alerts)
    except Exception as error:  # noqa: BLE001  # the save is committed
        _fail(rule, model, error)


def _send_apart(rule: Rule[Any], model: str, alerts: Sequence[Alert]) -> None:
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


def _fail(rule: Rule[Any], model: str, error: Exception) -> None:
    """Raise the error of a rule, or log it, as ``HUB_RULES_RAISE`` says."""
    when = hub_settings().rules_raise
    if when == "always" or (when == "in_tests" and is_under_test()):
        error.add_note(
            f"Raised by the rule {_name(rule)} of {model}. In production it would be logged, and the save would go on "
            "(HUB_RULES_RAISE)."
        )
        raise error
    _log_failure(rule, model, error)


def _log_failure(rule: Rule[Any], model: str, error: Exception) -> None:
    log.error("rule_failed", rule=_name(rule), model=model, exc_info=error)


def _name(rule: Rule[Any]) -> str:
    return f"{rule.__module__}.{rule.__qualname__}"


def _uid(rule: Rule[Any], model: type[models.Model], created: bool | None = None) -> str:
    return f"{_name(rule)}:{model._meta.label}:{created}"
