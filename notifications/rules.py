"""Rules: alerts that follow from saving or deleting a model, written in ``alerts.py`` of any installed app."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import structlog
from django.db import models, transaction
from django.db.models.signals import post_delete, post_save

from notifications.actions import send
from notifications.alerting import Alert

log = structlog.get_logger(__name__)

M = TypeVar("M", bound=models.Model)

#: Given the instance, returns what shall be sent.
Rule = Callable[[M], Alert | Iterable[Alert] | None]


def on_save(model: type[M], *, created: bool | None = None) -> Callable[[Rule[M]], Rule[M]]:
    """Decorate a function that returns the alert, the alerts, or None, for an instance of ``model`` just saved.

    Args:
        model: whose saves; proxies and subclasses are models of their own.
        created: True for new rows only, False for changes only, None for both.

    The rule runs in the transaction of the save, so what it sends reaches clients only after the commit. Fixtures
    (``raw=True``) are skipped; ``bulk_create()`` and ``update()`` send no signal in Django and so run no rule. An
    error in a rule is logged with the rule's name; the save and the other rules go on.
    """

    def decorate(rule: Rule[M]) -> Rule[M]:
        def alert_on_post_save(sender: type[M], instance: M, created: bool, raw: bool = False, **kwargs: Any) -> None:
            if not raw and wanted in (None, created):
                run(rule, instance)

        wanted = created
        post_save.connect(alert_on_post_save, sender=model, weak=False, dispatch_uid=_uid(rule, model, wanted))
        return rule

    return decorate


def on_delete(model: type[M]) -> Callable[[Rule[M]], Rule[M]]:
    """Like :func:`on_save`, for an instance just deleted (it still has its primary key)."""

    def decorate(rule: Rule[M]) -> Rule[M]:
        def alert_on_post_delete(sender: type[M], instance: M, **kwargs: Any) -> None:
            run(rule, instance)

        post_delete.connect(alert_on_post_delete, sender=model, weak=False, dispatch_uid=_uid(rule, model))
        return rule

    return decorate


def run(rule: Rule[M], instance: M) -> None:
    """Run one rule and send what it returns; an error is logged and goes no further."""
    try:
        # A savepoint where a transaction is open: an SQL error in the rule must not spoil the save around it.
        with transaction.atomic():
            result = rule(instance)
            alerts = [result] if isinstance(result, Alert) else list(result or ())
            if alerts:
                send(alerts)
    except Exception:
        log.exception("rule_failed", rule=f"{rule.__module__}.{rule.__qualname__}", model=instance._meta.label)


def _uid(rule: Rule[Any], model: type[models.Model], created: bool | None = None) -> str:
    return f"{rule.__module__}.{rule.__qualname__}:{model._meta.label}:{created}"
