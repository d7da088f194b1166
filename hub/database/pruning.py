"""Deleting rows that need not be kept, oldest first, in small transactions.

For rows whose ids grow as they are made: an old one has a small id.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from itertools import chain
from typing import Any

from django.db import models
from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone

from hub.database.turns import is_over
from hub.ops import metrics

#: Rows that one statement deletes, in a transaction of its own: no lock is held longer than that takes.
CHUNK = 500

#: Owners of rows that one query looks at.
OWNERS = 200

#: A list of rows; or lists: their rows, their owners, and the column that says whose a row is.
List = QuerySet[Any] | tuple[QuerySet[Any], QuerySet[Any], str]

_apps: list[Callable[[], int]] = []


def register(prune: Callable[[], int]) -> None:
    """Have ``prune()`` delete rows of an app every ten minutes; it returns how many. Its app calls this once."""
    if prune not in _apps:
        _apps.append(prune)


def prune_apps() -> int:
    """Delete the rows of all apps that need not be kept; returns how many that were."""
    return sum(prune_of_app() for prune_of_app in _apps)


def prune(deletions: Iterable[int], kind: str, *, seconds: float) -> int:
    """Carry out ``deletions``, which give how many rows each deleted, until about ``seconds`` are over.

    Returns how many rows that were, counted as ``kind``. What is left is the next call's.
    """
    deadline = time.monotonic() + seconds
    deleted = 0
    for count in deletions:
        metrics.ROWS_PRUNED.labels(kind).inc(count)
        deleted += count
        if is_over(deadline):
            break
    return deleted


def prune_table(
    kind: str,
    rows: QuerySet[Any],
    *,
    days: float,
    items: int,
    lists: Iterable[List],
    seconds: float,
    by: str = "pk",
) -> int:
    """Delete those of ``rows`` that are older than ``days``, and of each list all but the newest ``items``.

    0 sets no limit. Stops after about ``seconds``; what is left is the next call's. Safe to run at the same time as
    itself.

    Args:
        kind: what the rows are, for the metric ``hub_rows_pruned_total``.
        lists: each either some of ``rows``, which are one list; or some of them with the rows that own a list each,
            and the name of the column that says whose a row is.
        by: the column by which the rows of such a list are told apart and ordered.

    Returns how many rows were deleted.
    """
    each = (
        beyond_of_each(items, one[1], one[0], one[2], by) if isinstance(one, tuple) else beyond(items, one)
        for one in lists
    )
    return prune(chain(older_than(days, rows), chain.from_iterable(each)), kind, seconds=seconds)


def older_than(days: float, rows: QuerySet[Any]) -> Iterator[int]:
    """Delete those of ``rows`` whose ``created_at`` is longer ago; 0 deletes none."""
    if not days:
        return
    cutoff = timezone.now() - timedelta(days=days)
    while True:
        oldest = list(rows.order_by("pk").values_list("pk", "created_at")[:CHUNK])
        old = [pk for pk, created_at in oldest if created_at < cutoff]
        if old:
            yield _delete(rows.model, old)
        if len(old) < CHUNK:
            return


def beyond(items: int, rows: QuerySet[Any]) -> Iterator[int]:
    """Delete all of ``rows`` but the newest ``items``; 0 deletes none."""
    if not items:
        return
    last = rows.order_by("-pk").values_list("pk", flat=True)[items : items + 1].first()
    if last is not None:
        yield from _upto(last, rows)


def beyond_of_each(
    items: int, owners: QuerySet[Any], rows: QuerySet[Any], column: str, by: str = "pk"
) -> Iterator[int]:
    """:func:`beyond` for the rows of each of ``owners``, which ``column`` names; a query for two hundred of them."""
    if not items:
        return
    of_owner = rows.filter(**{column: OuterRef("pk")}).order_by(f"-{by}").values(by)[items : items + 1]
    after = None
    while True:
        page = owners.order_by("pk").filter(**({} if after is None else {"pk__gt": after}))
        found = list(page.values_list("pk", Subquery(of_owner))[:OWNERS])
        for owner, last in found:
            if last is not None:
                yield from _upto(last, rows.filter(**{column: owner}), by)
        if len(found) < OWNERS:
            return
        after = found[-1][0]


def _upto(last: Any, rows: QuerySet[Any], by: str = "pk") -> Iterator[int]:
    while ids := list(rows.filter(**{f"{by}__lte": last}).order_by(by).values_list("pk", flat=True)[:CHUNK]):
        yield _delete(rows.model, ids)


def _delete(model: type[models.Model], ids: list[Any]) -> int:
    model._default_manager.filter(pk__in=ids).delete()
    return len(ids)
