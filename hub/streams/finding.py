"""Which publication of a channel says something, found by the time at which it was published."""

from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from hub.models import Publication

#: A channel that keeps no more than so many is looked through.
FEW = 1000

#: The clock of whoever publishes may be so far from that of the database.
_CLOCKS = timedelta(minutes=5)

#: A publication has its offset so soon after its row was made: its transaction was committed by then.
_COMMIT = timedelta(days=1)


def published(channel: str, beginning: str, at: datetime) -> tuple[int, datetime] | None:
    """The offset of the publication of ``channel`` whose JSON text begins so, and when it got that.

    Args:
        at: when its publisher made it.

    None where it is not kept, or has none yet; of a channel that keeps many also where its transaction took a day.
    Reads the part of the channel from then on, which the index of offsets finds: offsets and times grow together.
    """
    rows = Publication.objects.filter(channel=channel, sequenced_at__isnull=False)
    # Two look-ups in the index: SQLite would read all of the channel for both in one.
    first, last = (rows.order_by(end).values_list("offset", flat=True).first() for end in ("offset", "-offset"))
    if first is None or last is None:
        return None
    if last - first >= FEW:
        low = _first_since(rows, first, last, at - _CLOCKS)
        high = _first_since(rows, first, last, at + _COMMIT)
        rows = rows.filter(offset__gte=low, offset__lt=high)
    meant = rows.filter(Q(data__startswith=beginning) | Q(shared__data__startswith=beginning))
    found = meant.order_by("offset").values_list("offset", "sequenced_at").first()
    return (found[0], found[1]) if found and found[0] is not None and found[1] is not None else None


def _first_since(rows: QuerySet[Publication], first: int, last: int, moment: datetime) -> int:
    """The smallest offset that was given at this moment or later; the one behind the last where none was."""
    low, high = first, last + 1
    while low < high:
        middle = (low + high) // 2
        # Offsets may be missing in a history: what is next to the middle stands for it.
        at = rows.filter(offset__gte=middle).order_by("offset").values_list("sequenced_at", flat=True).first()
        if at is not None and at < moment:
            low = middle + 1
        else:
            high = middle
    return low
