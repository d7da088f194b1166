"""Capturing alerts, and asserting who is sent one."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn, TypedDict, Unpack
from unittest.mock import ANY

from django.contrib.auth.models import Group
from django.db.models import QuerySet

from hub.database import in_database_thread
from hub.testing import commits
from hub.testing.captured import Captured
from hub.testing.mistakes import Misused, reading_the_database, refuse_event_loop, refuse_unsaved
from hub.users import User, display_name, groups_of, user_id
from notifications.models import Follow, InboxEntry, Notification, Topic, newest_alert
from notifications.sending.alerting import EVERYONE, Found, Recipient, resolve
from notifications.sending.distributing import is_owed
from notifications.sending.named_audiences import Audience

#: A whole text, or a pattern that is found in it.
Text = str | re.Pattern[str]

#: Alerts that a failure prints, the newest.
PRINTED = 20


class CapturedNotifications(Captured[Notification]):
    """See :func:`capture_notifications`."""

    made_by = "capture_notifications"

    def __init__(self) -> None:
        super().__init__()
        self._newest = 0

    def begin(self) -> None:
        """As :class:`Captured`."""
        self._newest = newest_alert()

    def captured(self) -> Sequence[Notification]:
        """As :class:`Captured`."""
        return list(_stored().filter(pk__gt=self._newest))

    def line(self, one: Notification) -> str:
        """As :class:`Captured`."""
        return _line(one)


def capture_notifications() -> CapturedNotifications:
    """The alerts that a block sends, as rows of ``notifications.models.Notification``, oldest first.

        with capture_notifications() as sent:
            Order.objects.create(customer=ada, is_shipped=True)
        assert [alert.message for alert in sent] == ["Order A1 is on its way"]

    An alert is there as soon as it is stored, and is not if its transaction, or a savepoint around it, was rolled
    back. What the code gives to ``transaction.on_commit`` runs at the end of the block in a ``TestCase`` too, so that
    alerts which are sent there are seen. In async code it is ``async with``, and the alerts are looked at after it.

    Raises:
        Misused: the test has no database.
    """
    return CapturedNotifications()


class WantedAlert(TypedDict, total=False):
    """What an alert says, as :func:`assert_notified` looks for it; what is left out may be anything.

    ``title`` and ``url`` are the whole text or a pattern that is found in it; ``level``, ``data`` and ``key`` are as
    they were given to ``alert`` or ``notify``, and so are ``kind``, by its name, and ``params``, as JSON has them.
    ``bundle_count`` is for how many alerts the row of it stands that the person has (``group_by``).
    ``sent`` are the alerts to look among, from :func:`capture_notifications`; without it, all that are stored.
    """

    title: Text
    level: str
    url: Text
    data: Any
    key: str | None
    kind: str
    params: Mapping[str, Any] | None
    bundle_count: int
    sent: Iterable[Notification]


def assert_notified(
    recipient: Recipient, message: Text = ANY, *, times: int | None = None, **wanted: Unpack[WantedAlert]
) -> Notification:
    """Assert that an alert is for ``recipient``, and return the newest such alert.

    Args:
        recipient: a user, who is told also by what is sent to their groups, to topics they follow, to audiences and
            lists that they belong to and to everyone; or a group, a topic, an audience or ``"everyone"`` (also as an
            id, ``"user:NAME"`` and so on), to which the alert itself goes.
        message: the whole text, or a pattern (``re.compile("A1")``) that is found in it.
        times: how many such alerts there are, 1 or more; without it at least one.
        wanted: what else the alert says, and among which it is looked for (:class:`WantedAlert`).

    Raises:
        AssertionError: there is none, or another number of them. The text has all that were sent.
        Misused: the test has no database, the recipient is not stored, or ``times`` is 0.
        UnknownRecipient: there is no user, group or topic of this name.
    """
    if times == 0:
        raise Misused("Nobody is notified with times=0: write assert_not_notified(…).")
    search = _Search("assert_notified", recipient, message, wanted)
    if len(search.found) != times if times is not None else not search.found:
        search.fail("" if times is None else f", not {_times(times)}")
    return search.found[-1]


def assert_not_notified(recipient: Recipient, message: Text = ANY, **wanted: Unpack[WantedAlert]) -> None:
    """Assert that no such alert is for ``recipient``; the arguments are those of :func:`assert_notified`."""
    search = _Search("assert_not_notified", recipient, message, wanted)
    if search.found:
        search.fail(", and should not have been")


async def aassert_notified(
    recipient: Recipient, message: Text = ANY, *, times: int | None = None, **wanted: Unpack[WantedAlert]
) -> Notification:
    """:func:`assert_notified` from async code."""
    return await in_database_thread(assert_notified, recipient, message, times=times, **wanted)


async def aassert_not_notified(recipient: Recipient, message: Text = ANY, **wanted: Unpack[WantedAlert]) -> None:
    """:func:`assert_not_notified` from async code."""
    await in_database_thread(assert_not_notified, recipient, message, **wanted)


class _Search:
    """All alerts, and those of them that are for the recipient and as they should be."""

    def __init__(self, who: str, recipient: Recipient, message: Text, wanted: WantedAlert) -> None:
        if unknown := wanted.keys() - WantedAlert.__annotations__:
            raise TypeError(f"{who}() has no argument {', '.join(sorted(unknown))}.")
        refuse_event_loop(f"{who}()", f"await a{who}(…)")
        refuse_unsaved(recipient)
        self._recipient = recipient
        self._sent = wanted.get("sent")
        self._said = {"message": message, **{name: value for name, value in wanted.items() if name != "sent"}}
        with reading_the_database(f"{who}()"):
            self._alerts = list(_stored() if self._sent is None else self._sent)
            self._audience = _Recipient(resolve(recipient))
        self.found = self._matching(self._alerts)

    def fail(self, but: str) -> NoReturn:
        """Say how often the recipient was notified, and of all alerts that were sent."""
        often = _times(len(self.found))
        was = f"was {often} notified" if not self.found else f"was notified {often}"
        what = f"{_name_of(self._recipient)} {was}{_criteria(self._said)}"
        raise AssertionError(f"{what}{but}. {self._all()}{self._hint()}")

    def _matching(self, alerts: Iterable[Notification]) -> list[Notification]:
        return [one for one in alerts if one in self._audience and _is_as(one, self._said)]

    def _all(self) -> str:
        if not self._alerts:
            return "Nothing was sent."
        lines = "".join(f"\n  {_line(one)}" for one in self._alerts[-PRINTED:])
        older = f"\n  … and {len(self._alerts) - PRINTED} before" if len(self._alerts) > PRINTED else ""
        return f"{len(self._alerts)} sent:{lines}{older}"

    def _hint(self) -> str:
        if isinstance(self._sent, Captured):
            waiting = self._sent.waiting
        else:
            waiting = commits.waiting() if self._sent is None else 0
        if not waiting:
            is_outside = isinstance(self._sent, Captured) and not self.found and self._matching(_stored())
            return "\nSuch an alert was sent outside of the block of capture_notifications()." if is_outside else ""
        return (
            f"\nFunctions that wait for the commit (transaction.on_commit): {waiting}. They run at the end of a block "
            "of capture_notifications(), if the transaction that the code opened has ended by then."
        )


class _Recipient:
    """Which alerts are for somebody."""

    def __init__(self, recipient: Found) -> None:
        self._recipient = recipient
        self._groups: set[int] = set()
        self._topics: dict[int, int] = {}
        self._entries: set[int] = set()
        if isinstance(recipient, User):
            self._groups = set(groups_of(recipient.pk))
            self._topics = dict(Follow.objects.filter(user=recipient).values_list("topic", "after"))
            self._entries = set(InboxEntry.objects.filter(user=recipient).values_list("notification", flat=True))

    def __contains__(self, one: Notification) -> bool:
        match self._recipient:
            case Group():
                return one.group_id == self._recipient.pk
            case Topic():
                return one.topic_id == self._recipient.pk
            case Audience():
                return one.audience == self._recipient.label
            case None:
                return _is_for_everyone(one)
            case _:
                is_listed = one.group_id in self._groups or one.pk > self._topics.get(one.topic_id or 0, one.pk)
                is_alone = one.user_id == self._recipient.pk or one.pk in self._entries
                return is_alone or is_listed or _is_for_everyone(one) or is_owed(one, self._recipient)


def _is_for_everyone(one: Notification) -> bool:
    return one.user_id is None and one.group_id is None and one.topic_id is None and not one.audience


def _is_as(one: Notification, wanted: Mapping[str, Any]) -> bool:
    return all(_fits(value, getattr(one, name)) for name, value in wanted.items())


def _fits(wanted: Any, value: Any) -> bool:
    return bool(wanted.search(value)) if isinstance(wanted, re.Pattern) else bool(wanted == value)


def _stored() -> QuerySet[Notification]:
    return Notification.objects.select_related("user", "group", "topic").order_by("pk")


def _criteria(wanted: Mapping[str, Any]) -> str:
    said = [
        f"{name} {value.pattern if isinstance(value, re.Pattern) else value!r}"
        for name, value in wanted.items()
        if value is not ANY
    ]
    return f" with {', '.join(said)}" if said else ""


def _times(number: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(number, f"{number} times")


def _line(one: Notification) -> str:
    parts = [f"{_audience_of(one)}: [{one.level}]", *filter(None, [one.title and f"{one.title}:", one.message])]
    parts += [
        f"{name}={value!r}" for name in ("url", "data", "key", "kind", "params") if (value := getattr(one, name))
    ]
    if one.bundle_by:
        parts.append(f"group_by={one.bundle_by!r}")
    if one.bundle_count > 1:
        parts.append(f"(stands for {one.bundle_count})")
    return " ".join(parts)


def _audience_of(one: Notification) -> str:
    return _name_of(one.user or one.group or one.topic or one.audience or EVERYONE)


def _name_of(recipient: object) -> str:
    match recipient:
        case Group():
            return f"group {recipient.name}"
        case Topic():
            return f"topic {recipient.name}"
        case Audience():
            return recipient.label
        case str():
            return recipient
        case _:
            name, called = display_name(recipient), user_id(recipient)  # type: ignore[arg-type]  # a user
            return name if name == f"#{called}" else f"{name} ({called})"
