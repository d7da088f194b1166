"""When the clocks of a time zone show a time: once a year some times are shown twice, and some are left out."""

from datetime import UTC, datetime, timedelta, tzinfo

#: By how much clocks are set back or forward at most, but for a zone that changes its date.
LONGEST_SHIFT = timedelta(hours=3)

_MINUTE = timedelta(minutes=1)


def moment(local: datetime, zone: tzinfo) -> datetime:
    """The moment of a local time, in UTC: the first where it is shown twice, the next minute that there is where it is
    left out.

    Where a whole day is left out it is the same time of the next day.
    """
    before, after = (local.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    first = before.astimezone(UTC)
    shift = _offset(after) - _offset(before)
    if not timedelta(0) < shift <= LONGEST_SHIFT:
        return first  # also of what is shown twice, whose second showing has the smaller offset
    # The clocks jump within this stretch, and what they show behind the jump is the minute.
    early, late = first - shift, first
    while late - early > _MINUTE:
        middle = early + (late - early) // 2 // _MINUTE * _MINUTE
        if _offset(middle.astimezone(zone)) == _offset(after):
            late = middle
        else:
            early = middle
    return late


def showings(local: datetime, zone: tzinfo) -> list[datetime]:
    """The one or two moments at which clocks show a local time, in UTC.

    One that is left out is as much later as the clocks jump: what goes on in real time through the jump goes on so.
    """
    first, second = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return [first, second] if second > first else [first]


def _offset(moment: datetime) -> timedelta:
    return moment.utcoffset() or timedelta(0)
