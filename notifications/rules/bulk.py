"""Alerts about many rows that were written without signals: by ``bulk_create()``, ``update()`` or SQL."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

from django.db import models, transaction
from django.db.models import QuerySet

from notifications.sending.actions import send
from notifications.sending.alerting import Alert

M = TypeVar("M", bound=models.Model)

#: Rows whose alerts are stored by the same statements.
BATCH = 500


def notify_bulk(rows: Iterable[M], describe: Callable[[M], Alert | Iterable[Alert] | None]) -> int:
    """Send what ``describe`` returns for each of ``rows``: a queryset, which is read in parts, or the objects.

    ``describe`` is a rule, or any function that returns an alert, several, or None. So after ``bulk_create()`` or
    ``update()`` the rules are run that Django's signals have not run. Give a queryset the ``select_related()`` that
    ``describe`` needs. All alerts are stored or none, in the transaction that is open or in one of their own; the
    alerts of :data:`BATCH` rows are in memory at the same time, and are stored together.

    Returns how many notifications there are: one for each recipient of each alert.

    Raises whatever ``describe`` raises, and as :func:`notifications.notify`: nothing is stored then.
    """
    stored = 0
    with transaction.atomic():
        unread = rows.iterator(chunk_size=BATCH) if isinstance(rows, QuerySet) else iter(rows)
        while part := list(islice(unread, BATCH)):
            stored += len(send(list(_alerts(part, describe))))
    return stored


def _alerts(rows: Iterable[M], describe: Callable[[M], Alert | Iterable[Alert] | None]) -> Iterator[Alert]:
    for row in rows:
        result = describe(row)
        if isinstance(result, Alert):
            yield result
        else:
            yield from result or ()
