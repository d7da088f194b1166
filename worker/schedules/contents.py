"""What a schedule sends: the arguments of ``notify``, kept as JSON has them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import Group
from msgspec import UNSET

from hub.users import User, user_id
from notifications.models import Notification, Topic
from notifications.offers.declaring import Action, BadOffer, Link, written
from notifications.sending import actions, scheduling
from notifications.sending.alerting import (
    EVERYONE,
    LONGEST,
    BadAlert,
    Found,
    UnknownRecipient,
    alert,
    refuse_unsendable,
    resolve,
)
from notifications.sending.counting import people_of
from notifications.sending.named_audiences import Audience

#: Recipients that one schedule names. More people are an audience.
RECIPIENTS_LIMIT = 100

#: A ``group_by`` that is not left out although it is empty.
_ALONE = ("group_by", "")

#: Arguments of ``notify`` that a schedule keeps, besides the recipients.
NAMES = (
    *("message", "title", "level", "url", "data", "kind", "params", "expires", "actions", "group_by", "throttle"),
)

#: Of these, what are seconds in JSON and a time in Python.
SECONDS = ("expires", "throttle")


def as_json(to: object, given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of ``notify`` as a schedule keeps them, without those that say nothing.

    Raises:
        BadAlert: it can never be sent.
    """
    if unknown := sorted(given.keys() - set(NAMES)):
        raise BadAlert(f"A schedule has no {unknown[0]}. It takes: to, {', '.join(NAMES)}.")
    # An empty group_by says something: the alert stands alone, whatever its kind says.
    kept = {name: value for name, value in given.items() if value not in (None, "", UNSET) or (name, value) == _ALONE}
    kept = {name: value if name == "data" else _plain(name, value) for name, value in kept.items()}
    contents = {"to": _recipients(to), **{name: value for name, value in kept.items() if value not in ([], {})}}
    check(contents)
    return contents


def _plain(name: str, value: Any) -> Any:
    match name:
        case "kind":
            return value if isinstance(value, str) else getattr(value, "name", value)
        case "expires" | "throttle":
            return _seconds(name, value)
        case "group_by":
            return value  # what is no text is refused as such
        case "actions" if not isinstance(value, Iterable):
            raise BadAlert(f"The actions of a schedule are several, not {type(value).__name__}.")
        case "actions":
            try:
                return written(_offered(value)) or []
            except BadOffer as error:
                raise BadAlert(str(error)) from None
        case "params" if isinstance(value, Mapping):
            return dict(value)
        case "params":
            raise BadAlert(f"The params of a schedule are values by name, not {type(value).__name__}.")
    return value if isinstance(value, list | dict | int | float) else str(value)


def _seconds(name: str, value: Any) -> float:
    if not isinstance(value, timedelta | int | float) or isinstance(value, bool):
        raise BadAlert(f"The {name} of a schedule is a timedelta, not {type(value).__name__}.")
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if not abs(seconds) <= LONGEST.total_seconds():  # nor is it what is no number
        raise BadAlert(f"The {name} of a schedule is at most {LONGEST.days} days.")
    return float(seconds)


def _offered(given: Iterable[Any]) -> list[Action | Link]:
    return [_action(one) if isinstance(one, Mapping) else one for one in given]


def _action(offered: Mapping[str, Any]) -> Action | Link:
    name, label, style = (str(offered.get(field, "")) for field in ("name", "label", "style"))
    return Link(name, label, str(offered["url"]), style) if offered.get("url") else Action(name, label, style)


def _recipients(to: object) -> list[str]:
    several = isinstance(to, Iterable) and not isinstance(to, str | User | Group | Topic | Audience)
    found = [_recipient(one) for one in (to if several else [to])]  # type: ignore[attr-defined]  # it is iterable then
    if not 1 <= len(found) <= RECIPIENTS_LIMIT:
        raise BadAlert(f"A schedule names 1 to {RECIPIENTS_LIMIT} recipients; declare an audience of more people.")
    return list(dict.fromkeys(found))


def _recipient(one: object) -> str:
    match one:
        case str():
            return one
        case Group():
            return f"group:{one.name}"
        case Topic():
            return f"topic:{one.name}"
        case Audience():
            return one.label
        case User():
            return user_id(one)
    raise BadAlert(f"A schedule goes to users, groups, topics, audiences and names of them, not {type(one).__name__}.")


def check(contents: Mapping[str, Any]) -> None:
    """Refuse what can never be sent; a recipient who is not there may be there at the due time.

    Raises:
        BadAlert: see :func:`notifications.alert`.
    """
    arguments = _arguments(contents)
    refuse_unsendable(**arguments)
    # Some things depend on who gets it: those who are there already are looked at.
    if there := [found or EVERYONE for one in contents["to"] for found in _found(one, [])]:
        alert(**arguments | {"to": there})


def missing(contents: Mapping[str, Any]) -> list[str]:
    """A sentence about each recipient who is not there now, and may be at the due time."""
    gone = list[UnknownRecipient]()
    for one in contents["to"]:
        _found(one, gone)
    return [str(error) for error in gone]


def check_local(contents: Mapping[str, Any]) -> None:
    """Refuse recipients who have no local time: everybody, groups and topics.

    Raises:
        BadAlert: there is one of these.
    """
    for one in contents["to"]:
        try:
            found = resolve(one)
        except UnknownRecipient as error:
            has_none = error.kind in {"group", "topic"}
        else:
            has_none = not isinstance(found, User | Audience)
        if has_none:
            raise BadAlert("Only people have a local time: such a schedule goes to people and audiences.")


@dataclass(frozen=True, slots=True)
class Sent:
    """What was stored, to whom, and which recipients are gone.

    ``people`` is how many they are; None where that is counted later (``worker.schedules.receipts``).
    """

    notifications: list[Notification]
    people: int | None
    gone: list[UnknownRecipient]


def send(contents: Mapping[str, Any], *, key: str | None = None, at_local: datetime | None = None) -> Sent:
    """Send it now, or to each person when it is ``at_local`` where they are; to those of its recipients who are there.

    With ``at_local`` the alerts to people of different zones have keys that begin with ``key``: each is one by itself.

    Raises as ``notifications.notify``: also where none of them is there.
    """
    arguments, gone = _arguments(contents), list[UnknownRecipient]()
    found = {one: recipient for one in contents["to"] for recipient in _found(one, gone)}
    if gone and not found:
        raise gone[0]
    to = [EVERYONE if one is None else one for one in found.values()]  # who was looked up is not looked up again
    if at_local is None:
        notifications = actions.notify(**arguments | {"to": to}, key=key)
    else:
        described = alert(**arguments | {"to": to}, at_local=at_local)
        zones = enumerate(scheduling.in_local_times(described))
        notifications = actions.send([replace(one, key=f"{key}{number}") for number, one in zones])
    # Where nothing is stored yet, or only for those whose time has come, nobody could count it later.
    is_stored = bool(notifications) and at_local is None
    is_counted_later = is_stored and not all(isinstance(one, User) for one in found.values())
    return Sent(notifications, None if is_counted_later else people_of(found.values()), gone)


def _found(recipient: str, gone: list[UnknownRecipient]) -> list[Found]:
    """The recipient; nobody where there is none of this name any more."""
    try:
        return [resolve(recipient)]
    except UnknownRecipient as error:
        gone.append(error)
        return []


def _arguments(contents: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of ``notify``."""
    found = dict(contents)
    for name in SECONDS:
        if name in found:
            found[name] = timedelta(seconds=found[name])
    if "actions" in found:
        found["actions"] = _offered(found["actions"])
    return found
