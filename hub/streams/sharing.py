"""Data that many publications share: one JSON text, stored once, to which the publications of many channels point.

Readers get the text as if each publication had it. All functions are synchronous and use the ``default`` database.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from hub.models import Publication, SharedData

#: How long shared data is kept that no publication points to: somebody may be about to publish it.
UNUSED = timedelta(days=1)

#: Shared data that one query looks at.
CHUNK = 100

#: What a publication says, as it is read: offset, data, info, tags, and the shared data that it points to, or None.
Row = tuple[int | None, str, str, str, Any]


def share(data: str) -> int:
    """Store JSON text in the open transaction, for :func:`hub.streams.append_shared`; returns its id."""
    return SharedData.objects.create(data=data).pk


def held(shared: int) -> str | None:
    """The JSON text with this id, which nobody deletes until the open transaction ends; None where it is deleted."""
    return SharedData.objects.select_for_update().filter(pk=shared).values_list("data", flat=True).first()


def replace(shared: int, data: str) -> None:
    """Put ``data`` in the place of what all the publications say that point to ``shared``. Offsets stay."""
    SharedData.objects.filter(pk=shared).update(data=data)


def with_texts(rows: Iterable[Row]) -> list[tuple[int | None, str, str, str]]:
    """``rows`` with their JSON text. One query where some of them share it, none otherwise.

    Where the text of some is gone, the result has no gap: it is empty, as where publications are not kept any more.
    """
    rows = list(rows)
    wanted = {shared for *_, shared in rows if shared is not None}
    if not wanted:
        return [row[:4] for row in rows]
    found = texts(wanted)
    if len(found) < len(wanted):
        return []
    return [
        (offset, data if shared is None else found[shared], info, tags) for offset, data, info, tags, shared in rows
    ]


def texts(ids: Iterable[int]) -> dict[int, str]:
    """The JSON texts with these ids."""
    return dict(SharedData.objects.filter(pk__in=list(ids)).values_list("pk", "data"))


def note_publications(shared: int, ids: Iterable[int]) -> None:
    """Note that the publications with these ids point to ``shared``, as part of the open transaction."""
    ids = list(ids)
    if not ids:
        return
    row = SharedData.objects.select_for_update().get(pk=shared)
    row.first = min(ids) if row.first is None else min(row.first, *ids)
    row.last = max(ids) if row.last is None else max(row.last, *ids)
    row.save(update_fields=["first", "last"])


def forget_unused() -> int:
    """Delete shared data to which no publication points any more; returns how many that were.

    Looks for a publication of each among the ids that have pointed there, and stops at the first. Safe to run at the
    same time as itself, and as :func:`hub.streams.append_shared`: whoever is about to publish it holds the row.
    """
    deleted, after = 0, 0
    while True:
        old = SharedData.objects.filter(pk__gt=after, created_at__lt=Now() - UNUSED).order_by("pk")
        rows = list(old.values_list("pk", "first", "last")[:CHUNK])
        deleted += sum(_forget(pk) for pk, first, last in rows if not _is_used(pk, first, last))
        if len(rows) < CHUNK:
            return deleted
        after = rows[-1][0]


@transaction.atomic
def _forget(shared: int) -> bool:
    # Looked at again when the row is locked: somebody may have published it meanwhile.
    row = SharedData.objects.select_for_update().filter(pk=shared).first()
    if row is None or _is_used(shared, row.first, row.last):
        return False
    row.delete()
    return True


def _is_used(shared: int, first: int | None, last: int | None) -> bool:
    if first is None or last is None:
        return False
    return Publication.objects.filter(pk__range=(first, last), shared=shared).exists()
