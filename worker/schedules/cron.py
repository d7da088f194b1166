"""Expressions of cron: five fields, as ``man 5 crontab`` describes them."""

from dataclasses import dataclass
from datetime import date

#: Characters of an expression, at most.
LENGTH = 200

#: What some programs of cron call some expressions.
NAMED = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


class BadCron(ValueError):
    """This is no expression of cron; the text says why."""


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    first: int
    last: int
    words: tuple[str, ...] = ()

    def read(self, text: str) -> tuple[int, ...]:
        """The numbers that the text of this field names, in order."""
        found = {number for part in text.split(",") for number in self._part(part)}
        return tuple(sorted(found))

    def _part(self, part: str) -> range:
        spread, slash, step = part.partition("/")
        every = self._whole(step, part) if slash else 1
        if every < 1:
            raise self._bad(part)
        if spread == "*":
            return range(self.first, self.last + 1, every)
        begin, dash, end = spread.partition("-")
        low = self._number(begin, part)
        high = self._number(end, part) if dash else (self.last if slash else low)
        if low > high:
            raise self._bad(part)
        return range(low, high + 1, every)

    def _number(self, text: str, part: str) -> int:
        if text.lower() in self.words:
            return self.words.index(text.lower()) + self.first
        number = self._whole(text, part)
        if not self.first <= number <= self.last:
            raise self._bad(part)
        return number

    def _whole(self, text: str, part: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) <= 4):
            raise self._bad(part)
        return int(text)

    def _bad(self, part: str) -> BadCron:
        return BadCron(f"{part!r} is no {self.name} of cron: {self.first} to {self.last}, ranges, steps or lists.")


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of the week", 0, 7, _WEEKDAYS),
)


@dataclass(frozen=True, slots=True)
class Expression:
    """What an expression names, as numbers in order. Sunday is 0 in ``weekdays``, as cron has it."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]
    #: Whether the days of the month, and those of the week, are named in the expression: otherwise all are meant.
    names_days: bool
    names_weekdays: bool

    def is_on(self, day: date) -> bool:
        """Whether a date is meant. Days of the month and of the week, where both are named, are meant either way."""
        if day.month not in self.months:
            return False
        is_day, is_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        if self.names_days and self.names_weekdays:
            return is_day or is_weekday
        return is_day and is_weekday


def read(text: str) -> Expression:
    """What an expression such as ``"0 9 * * 1-5"`` or ``"@daily"`` means.

    Raises:
        BadCron: it is none.
    """
    if len(text) > LENGTH:
        raise BadCron(f"An expression of cron has at most {LENGTH} characters.")
    parts = NAMED.get(text.strip().lower(), text).split()
    if len(parts) != len(_FIELDS):
        raise BadCron(f"An expression of cron has five fields, such as 0 9 * * 1-5; this has {len(parts)}.")
    minutes, hours, days, months, weekdays = (field.read(part) for field, part in zip(_FIELDS, parts, strict=True))
    weekdays = tuple(sorted({day % 7 for day in weekdays}))
    return Expression(
        minutes,
        hours,
        days,
        months,
        weekdays,
        names_days=not parts[2].startswith("*"),
        names_weekdays=not parts[4].startswith("*"),
    )
