"""Runs a rule in the transaction of a save, and sends what it says; its errors break no save."""

import contextlib
import os
from collections.abc import Callable, Hashable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import Protocol

from django.db import DEFAULT_DB_ALIAS, OperationalError, connection, connections, transaction

from hub.database import is_in_transaction, prepared, run_last_on_commit
from hub.publishing import last
from notifications import sources
from notifications.rules.coalescing import send_last
from notifications.sending.actions import send
from notifications.sending.alerting import Alert

#: How often it is tried to send what another database has committed, while a transaction of SQLite holds it up for
#: ten seconds each.
ATTEMPTS = 6

#: What a rule may return.
Returned = Alert | Iterable[Alert] | None


class Source(Protocol):
    """Whose rule it is that runs."""

    @property
    def name(self) -> str:
        """As alerts have it that it sends (:mod:`notifications.sources`)."""

    def fail(self, error: Exception) -> None:
        """Told of an error while the row is saved, or right after it; may raise it."""

    def log(self, error: Exception) -> None:
        """Told of an error elsewhere."""


def attempt(source: Source, describe: Callable[[], Returned], using: str, key: Hashable | None = None) -> None:
    """Send what ``describe`` returns; with ``key`` in the place of what was sent for it in this transaction.

    ``using`` is the database of the row. Where it is not the hub's, the alerts are sent after the commit there.
    """
    try:
        # Savepoints where transactions are open: an SQL error in the rule must not spoil the save around it.
        is_alone = prepared.is_alone(using) and prepared.is_alone()
        with contextlib.ExitStack() as transactions:
            for alias in {using, DEFAULT_DB_ALIAS}:
                transactions.enter_context(transaction.atomic(using=alias))
            result = describe()
            alerts = [result] if isinstance(result, Alert) else list(result or ())
            if using == DEFAULT_DB_ALIAS:
                # One alert is all that is left to be done; several may take what others hold, one after the other.
                with sources.acting_as(source.name), last(is_alone and len(alerts) == 1):
                    _send(alerts, key)
        if using != DEFAULT_DB_ALIAS:
            _keep(source, alerts, using, key)
    except Exception as error:  # noqa: BLE001  # whatever a rule raises, the save goes on
        source.fail(error)


def _send(alerts: Sequence[Alert], key: Hashable | None) -> None:
    if key is not None:
        send_last(key, alerts)
    elif alerts:
        send(alerts)


def _keep(source: Source, alerts: Sequence[Alert], using: str, key: Hashable | None) -> None:
    send_kept = partial(_send_kept, source, alerts)
    if key is not None:
        run_last_on_commit(key, send_kept, using=using)
    elif alerts:
        transaction.on_commit(send_kept, using=using)


def _send_kept(source: Source, alerts: Sequence[Alert]) -> None:
    """Send what follows from a save that another database has committed."""
    if not alerts:
        return
    if is_in_transaction(connection):
        # What becomes of that transaction says nothing of the save. On SQLite one has to wait until it is over.
        _apart(os.getpid()).submit(_send_apart, source, alerts)
        return
    try:
        with sources.acting_as(source.name):
            send(alerts)
    except Exception as error:  # noqa: BLE001  # the save is committed
        source.fail(error)


def _send_apart(source: Source, alerts: Sequence[Alert]) -> None:
    try:
        for attempts_left in reversed(range(ATTEMPTS)):
            try:
                with sources.acting_as(source.name):
                    send(alerts)
            except OperationalError as error:
                if not attempts_left:
                    source.log(error)
            except Exception as error:  # noqa: BLE001  # the save is committed
                source.log(error)
                return
            else:
                return
    finally:
        connections.close_all()


@cache
def _apart(process: int) -> ThreadPoolExecutor:
    """A thread with a connection of its own; the interpreter does not end before its work is done."""
    return ThreadPoolExecutor(1, thread_name_prefix="hub-rules")
