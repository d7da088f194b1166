"""What an alert is, before it is sent: whom it is for, what it says, and whether that can be sent at all."""

import contextlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db.models import Model
from django.utils import timezone
from django.utils.functional import Promise
from msgspec import UNSET, UnsetType

from hub.channels import LAST_ID
from hub.config import hub_settings
from hub.database.finding import find_row
from hub.users import User, has_form_of_id, log_in_field, users_by_id, written
from hub.validation import MESSAGE_LIMIT, ROUNDED, is_rounded, is_storable, is_storable_json, is_visible
from notifications.bundle_names import public_name
from notifications.kinds import params as placeholders
from notifications.kinds import wording
from notifications.kinds.declaring import Kind, declared, kind_named
from notifications.kinds.locales import UNKNOWN
from notifications.kinds.texts import BadTemplate
from notifications.models import BUNDLE_LIMIT, KEY_LIMIT, TITLE_LIMIT, Level, Topic
from notifications.offers import declaring as offers
from notifications.offers.declaring import Action, Link
from notifications.safe_urls import is_safe_url
from notifications.sending import own_keys
from notifications.sending.named_audiences import SMALL, Audience, BadAudience, Listed, audience_named, listed

#: Bytes of an alert's publication that are not its texts and data, at most.
ENVELOPE = 512

#: How far from now the times of an alert may be, and how long after it is sent it may expire.
LONGEST = timedelta(days=3650)

#: The longest ``throttle``: what is held comes so much later.
LONGEST_THROTTLE = timedelta(days=7)
_AHEAD = f", {LONGEST.days} days from now at most"

EVERYONE = "everyone"

#: What the publication of a bundle has besides, at its longest.
_BUNDLE = {"bundle": {"id": LAST_ID, "count": 2**31}, "bundled_as": public_name("", "")}

#: How a recipient is named by text.
FORMS = (
    "'everyone', 'members', 'user:NAME', 'group:NAME', 'topic:NAME', 'audience:NAME', 'permission:APP.CODENAME' or "
    "the id of a person"
)

#: One recipient: a user, a group, a topic, an audience, or the text that names one of them (:func:`alert`).
Recipient = User | Group | Topic | Audience | str

#: What a recipient is found to be; None is everyone.
Found = User | Group | Topic | Audience | None


class BadAlert(ValueError):
    """An alert that cannot be sent: what is wrong with it is in the text."""


#: Said of a name that may be meant as an id.
_ID_HINT = " An id stands without 'user:'."


class UnknownRecipient(BadAlert):
    """No such user, group or topic, or something that is none of these.

    ``kind`` is ``user``, ``group`` or ``topic`` where there is none of this name, else empty.
    """

    def __init__(self, text: str, *, kind: str = "") -> None:
        super().__init__(text)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert that can be sent; made by :func:`alert`, which says what the fields are."""

    to: tuple[Found | Listed, ...]
    message: str
    title: str
    level: str
    url: str
    data: Any
    key: str | None = None
    expires: timedelta | datetime | None = None
    #: The name of its kind, empty without one, and the values for its placeholders as JSON has them.
    kind: str = ""
    params: dict[str, Any] | None = None
    at: datetime | None = None
    replace: bool = False
    #: Its buttons as JSON has them (:func:`notifications.offers.declaring.written`).
    actions: list[dict[str, str]] | None = None
    at_local: datetime | None = None
    #: By what it is bundled with others; empty where it stands alone.
    group_by: str = ""
    #: Seconds of the window in which others like it are held; 0: it is sent at once.
    throttle: float = 0.0
    #: How many it stands for in its bundle: itself, and those of which nothing but their number was kept.
    count: int = 1


def alert(
    *,
    to: Recipient | Iterable[Recipient],
    message: str = "",
    title: str = "",
    level: str | UnsetType = UNSET,
    url: str = "",
    data: Any = None,
    key: str | None = None,
    expires: timedelta | datetime | None = None,
    kind: Kind | str | None = None,
    params: Mapping[str, Any] | None = None,
    at: datetime | None = None,
    replace: bool = False,
    actions: Iterable[Action | Link] = (),
    at_local: datetime | None = None,
    group_by: str | None = None,
    throttle: timedelta | None = None,
) -> Alert:
    """Describe an alert, for :func:`notifications.notify` to send or for a rule to return.

    Args:
        to: a user, a Django auth group, a topic (those who follow it), an audience, ``"everyone"`` (guests included),
            ``"members"`` (all who have an account), the id of a person as text (``"42"``, what they are called
            outside), ``"user:NAME"`` (by what they log in with), ``"group:NAME"``, ``"topic:NAME"``,
            ``"audience:NAME"``, ``"permission:APP.CODENAME"``, a queryset of people, or several of these; a recipient
            named twice is told once. To an audience, and to more than 100 people, the alert is one row, which a job
            distributes.
        message: plain text, 1 to 4,000 characters; only a kind with a message of its own needs none.
        title: plain text, at most 200 characters.
        level: ``info``, ``success``, ``warning``, ``error`` or ``debug``; without it, that of the kind, or ``info``.
        url: where the alert leads: ``http(s)://…`` or a path of this site like ``/orders/7/``.
        data: anything that JSON has for programs that receive the alert, whole numbers up to 2^53 - 1 (longer ones as
            text); with the texts at most about 64 KiB of JSON (``HUB_MAX_PUBLICATION``).
        key: names what the alert is about, such as ``"order:7:placed"``, 1 to 200 characters: a recipient gets one
            alert of this key, ever, however often and from wherever it is sent. One namespace for the whole hub, which
            keeps for itself what begins with ``schedule:``, ``chat.room_opened:`` and so on: the error names all.
        expires: when it is not true any more, as a time with a zone, or how long after it is sent. From then on no
            list and no count has it, and open pages hide it.
        kind: what the alert is an instance of (:class:`notifications.Kind`), or its name. Texts that the kind has come
            from it, in the language and time zone of whoever reads them; the others from here.
        params: the values for the placeholders of the kind's texts, each of the type that is declared.
        at: when it is sent, as a time with a zone; a time that is over is now. Until then nobody has it.
        replace: it takes the place of what its recipients have of its ``key``; what says the same stays.
        actions: buttons, at most five: :class:`notifications.Action` and :class:`notifications.Link`.
        at_local: when it is sent, as a time without a zone: each person gets it when it is that time where they are,
            or in ``TIME_ZONE`` where that is not known. For people, lists of them, and audiences as they are now.
        group_by: a text such as ``"photo:7"``: what a person has not read of the same kind and text is one row in
            their inbox, with a count, and counts as one. For people, at most 100 in a call. Without it that of the
            kind, which is for people likewise: what more of them get, or a group, a topic or an audience, is a row
            that many share, and stands alone. An empty one is for an alert that stands alone.
        throttle: a time within which a person gets one alert of the same kind and ``group_by`` at once, and the others
            at its end as one row. For people, at most 100 in a call. Without it that of the kind, for people
            likewise; 0 is for an alert that comes at once.

    Raises:
        UnknownRecipient: no such user, group or topic; a topic is not made by sending to it.
        BadAlert: anything else that is not as above.
    """
    for name, value in (("message", message), ("title", title), ("url", url)):
        if not isinstance(value, str | Promise):
            raise BadAlert(f"An alert's {name} is text, not {type(value).__name__}.")
    # str() because a translated text (gettext_lazy) is fixed at this moment, in the language of the sender.
    message, title, url = str(message), str(title), str(url)
    values, bundled_by, held_for = None, "", throttle
    if kind is not None:
        kind = _declared(kind)
        level = kind.level if level is UNSET else level
        expires = kind.expires if expires is None else expires
        held_for = kind.throttle if throttle is None else throttle
        message, title, url, values, bundled_by = _said(kind, params, message=message, title=title, url=url)
    elif params is not None:
        raise BadAlert("An alert's params are values for the placeholders of a kind, and it has no kind.")
    level = Level.INFO.value if level is UNSET else level
    _check_texts(message, title, url)
    if level not in Level.values:
        raise BadAlert(f"An alert's level is one of {', '.join(Level.values)}, not {level!r}.")
    if data is not None:
        _check_data(data)
    _check_key(key, replace)
    if expires is not None:
        _check_expiry(expires)
    _check_time(at, at_local)
    bundled_by = _checked_group(bundled_by if group_by is None else group_by)
    seconds = _checked_throttle(held_for, is_named=bool(kind or bundled_by), replace=replace)
    offered = _offered(actions)
    # What the publication of few alerts has makes room for nothing in others.
    rare = [one for one in (offered, _published_of(kind), bundled_by and _BUNDLE) if one]
    _check_size(message, title, url, data, *rare)
    found = _recipients(to)
    _check_recipients(found, at_local, is_grouped=bool(group_by), is_throttled=bool(throttle))
    return Alert(
        to=found,
        message=message,
        title=title,
        level=level,
        url=url,
        data=data,
        key=None if key is None else str(key),
        expires=expires,
        kind=kind.name if kind else "",
        params=values,
        at=at,
        replace=replace,
        actions=offered,
        at_local=at_local,
        group_by=bundled_by,
        throttle=seconds,
    )


def refuse_unsendable(*, to: Any, level: str | None = None, **contents: Any) -> None:
    """Refuse what cannot be sent now, nor later: for alerts that are kept as plain values until they are due.

    Takes the arguments of :func:`alert`, ``level`` also as None. A user, group or topic that does not exist may exist
    by then.

    Raises:
        BadAlert: as :func:`alert`.
    """
    group_by, throttle = contents.get("group_by"), contents.get("throttle")
    named_by = "" if group_by is None else _checked_group(group_by)
    is_named = bool(named_by or contents.get("kind"))
    _checked_throttle(throttle, is_named=is_named, replace=bool(contents.get("replace")))
    # Whether it may be bundled or held depends on who gets it, and that is seen when it is sent.
    alert(
        to=EVERYONE, level=UNSET if level is None else level, **{**contents, "group_by": "", "throttle": timedelta(0)}
    )
    for recipient in _each(to):
        try:
            resolve(recipient)
        except UnknownRecipient as error:
            if not error.kind:
                raise


def _check_data(data: Any) -> None:
    if not is_plain_json(data):
        raise BadAlert("An alert's data is what JSON has: texts, numbers, true, false, null, lists and objects.")
    if is_rounded(json.dumps(data)):
        raise BadAlert(f"An alert's data {ROUNDED}.")


def _declared(kind: object) -> Kind:
    if isinstance(kind, Kind):
        return kind
    if not isinstance(kind, str):
        raise BadAlert(f"An alert's kind is a Kind or the name of one, not {type(kind).__name__}.")
    found = kind_named(kind)
    if found is None:
        known = ", ".join(one.name for one in declared()) or "none is declared"
        raise BadAlert(
            f"There is no kind named {kind!r}; declare it in kinds.py of an installed app. There are: {known}."
        )
    return found


def _said(
    kind: Kind, params: Mapping[str, Any] | None, **given: str
) -> tuple[str, str, str, dict[str, Any] | None, str]:
    """Message, title and url in the language of the project, each of the kind or given; the values to keep; and by
    what it is bundled.
    """
    for name, text in given.items():
        if text and name in kind.templates:
            raise BadAlert(f"The kind {kind.name!r} has a {name} of its own: leave {name}= out.")
    try:
        values = placeholders.checked(kind, params)
        said = given | wording.write(kind, values, UNKNOWN)
        bundled_by = wording.bundle_by(kind, values)
    except (placeholders.BadParams, BadTemplate) as error:
        raise BadAlert(str(error)) from None
    kept = placeholders.as_json(values)
    if not is_plain_json(kept):
        raise BadAlert("An alert's params have texts or numbers that cannot be stored.")
    _check_size(kept)
    return said["message"], said["title"], said["url"], kept or None, bundled_by


def _published_of(kind: Kind | None) -> list[str]:
    """What the publication has of the kind besides its texts."""
    return [] if kind is None else [kind.name, kind.icon, kind.category.name if kind.category is not None else ""]


def _check_texts(message: str, title: str, url: str) -> None:
    if not is_visible(message) or len(message) > MESSAGE_LIMIT:
        raise BadAlert(f"An alert's message has 1 to {MESSAGE_LIMIT} characters, one that can be seen among them.")
    if title and not is_visible(title):
        raise BadAlert("An alert's title has a character that can be seen, or is empty.")
    if len(title) > TITLE_LIMIT:
        raise BadAlert(f"An alert's title has at most {TITLE_LIMIT} characters.")
    if not is_storable(message + title + url):
        raise BadAlert("An alert's text has characters that cannot be stored.")
    if url and not is_safe_url(url):
        raise BadAlert("An alert's url is http(s)://… or a path of this site that begins with one '/'.")


def _offered(actions: Iterable[Action | Link]) -> list[dict[str, str]] | None:
    try:
        return offers.written(actions)
    except offers.BadOffer as error:
        raise BadAlert(str(error)) from None


def _check_size(*contents: object) -> None:
    limit = hub_settings().max_publication - ENVELOPE
    if len(msgspec.json.encode(contents)) > limit:
        raise BadAlert(f"An alert's texts and data have at most {limit} bytes of JSON.")


def _check_expiry(expires: object) -> None:
    if isinstance(expires, timedelta):
        if not timedelta(0) < expires <= LONGEST:
            raise BadAlert(f"An alert expires after 1 microsecond to {LONGEST.days} days.")
    elif not _is_moment(expires):
        raise BadAlert(f"An alert expires at a datetime with a time zone, or after a timedelta{_AHEAD}.")


def _check_key(key: object, replace: object) -> None:
    if key is not None and not is_key(key):
        raise BadAlert(f"An alert's key is text of 1 to {KEY_LIMIT} characters.")
    if isinstance(key, str) and (mistake := own_keys.mistake(key)):
        raise BadAlert(mistake)
    if replace and key is None:
        raise BadAlert("An alert replaces what has its key, and it has none.")


def _check_time(at: object, at_local: object) -> None:
    if at is not None and not _is_moment(at):
        raise BadAlert(f"An alert is sent at a datetime with a time zone{_AHEAD}.")
    if at_local is not None and not _is_local(at_local):
        raise BadAlert(f"An alert's local time is a datetime without a time zone{_AHEAD}.")
    if at is not None and at_local is not None:
        raise BadAlert("An alert is sent at one time: give at or at_local.")


def _checked_group(value: object) -> str:
    if not isinstance(value, str) or len(value) > BUNDLE_LIMIT or not is_storable(value):
        raise BadAlert(f"An alert's group_by is text of at most {BUNDLE_LIMIT} characters.")
    return value


def _checked_throttle(throttle: object, *, is_named: bool, replace: bool) -> float:
    """In seconds."""
    if throttle is None:
        return 0.0
    if not isinstance(throttle, timedelta) or not timedelta(0) <= throttle <= LONGEST_THROTTLE:
        raise BadAlert(f"An alert's throttle is a timedelta of at most {LONGEST_THROTTLE.days} days.")
    if throttle and not is_named:
        raise BadAlert("An alert with throttle has a kind or a group_by, which say together with what it is held.")
    if throttle and replace:
        raise BadAlert("An alert that replaces another is not held: leave throttle out, or give timedelta(0).")
    return throttle.total_seconds()


def _check_recipients(
    found: Sequence[Found | Listed], at_local: object, *, is_grouped: bool, is_throttled: bool
) -> None:
    """``is_grouped`` and ``is_throttled``: the call says so, and not the kind alone."""
    if at_local is not None and not all(isinstance(one, User | Audience | Listed) for one in found):
        raise BadAlert("Only people have a local time: an alert with at_local goes to people, lists or audiences.")
    if all(isinstance(one, User) for one in found):
        return
    if is_grouped:
        raise BadAlert(
            f"An alert with group_by goes to people, {SMALL} in a call at most. One to a group, a topic, an "
            "audience or everyone is a row that many share, and joins nothing: leave group_by out."
        )
    if is_throttled:
        raise BadAlert(
            f"An alert with throttle goes to people, {SMALL} in a call at most, each of whom has had another "
            "number. To a group, a topic, an audience or everyone leave throttle out."
        )


def _is_moment(value: object) -> bool:
    """Whether it is a time that every database and every client can keep in every zone."""
    if not isinstance(value, datetime) or value.utcoffset() is None:
        return False
    try:
        return -LONGEST <= value.astimezone(UTC) - timezone.now() <= LONGEST
    except OverflowError:
        return False


def _is_local(value: object) -> bool:
    return isinstance(value, datetime) and value.tzinfo is None and _is_moment(value.replace(tzinfo=UTC))


def is_key(key: object) -> bool:
    """Whether ``key`` can name an alert, and every database keeps it as it is."""
    return isinstance(key, str) and 0 < len(key) <= KEY_LIMIT and is_storable(key)


def is_plain_json(data: object) -> bool:
    """Whether ``data`` can be JSON, and every database and every client keeps it as it is."""
    try:
        text = json.dumps(data, ensure_ascii=False, allow_nan=False)
        with contextlib.suppress(OverflowError):  # a number that is too long
            msgspec.json.encode(data)  # takes more kinds of values, but fewer kinds of keys
    except (TypeError, ValueError, RecursionError):
        return False
    return is_storable_json(text)


def _recipients(to: Recipient | Iterable[Recipient]) -> tuple[Found | Listed, ...]:
    people = listed(to)
    if isinstance(people, Listed):
        return (people,)
    found = tuple(dict.fromkeys(resolve(recipient) for recipient in (_each(to) if people is None else people)))
    if None in found:
        return (None,)  # everyone has it once, whoever else is named
    keys = tuple(written(one.pk) for one in found if isinstance(one, User))
    if len(keys) <= SMALL:
        return found
    return (Listed(keys), *(one for one in found if not isinstance(one, User)))


def _each(to: Recipient | Iterable[Recipient]) -> Iterable[Recipient]:
    return [to] if isinstance(to, str | User | Group | Topic | Audience) or not isinstance(to, Iterable) else to


def _is_saved(recipient: Model) -> bool:
    # A key that the model makes up by itself, such as a UUID, is there before the row is.
    made_up = recipient._state.adding and recipient._meta.pk.has_default()
    return recipient.pk is not None and not made_up


def resolve(recipient: object) -> Found:
    """The user, group, topic or audience that a recipient of :func:`alert` is; None is everyone.

    Raises:
        UnknownRecipient: there is none, or it is not stored.
    """
    if isinstance(recipient, Audience):
        return _readable(recipient)
    if isinstance(recipient, User | Group | Topic) and _is_saved(recipient):
        return recipient
    if not isinstance(recipient, str):
        raise UnknownRecipient(
            f"An alert goes to a saved user, group or topic, an audience, {FORMS}; not to {_described(recipient)}."
        )
    if recipient == EVERYONE:
        return None
    if not is_storable(recipient):
        raise UnknownRecipient("A recipient's name has characters that no name has.")
    try:
        audience = audience_named(recipient)
    except BadAudience as error:
        raise UnknownRecipient(str(error)) from None
    return _named(recipient) if audience is None else _readable(audience)


def _described(recipient: object) -> str:
    """What was given in the place of a recipient."""
    if isinstance(recipient, int | UUID):
        return f"{recipient!r}: pass the user, or the id as text"
    if isinstance(recipient, User | Group | Topic):
        return f"a {type(recipient).__name__} that is not saved"
    return "None" if recipient is None else f"an object of the class {type(recipient).__name__}"


def _readable(audience: Audience) -> Audience:
    try:
        audience.people()  # asks the database nothing: what is wrong with it is said here, and not in the job
    except BadAudience as error:
        raise UnknownRecipient(str(error)) from None
    return audience


def _named(recipient: str) -> User | Group | Topic:
    if has_form_of_id(recipient) and (person := users_by_id([recipient])):
        return person[recipient]
    kind, _, name = recipient.partition(":")
    found: User | Group | Topic | None
    match kind if name else "":
        case "user":
            found = find_row(get_user_model(), log_in_field(), name)
        case "group":
            found = Group.objects.filter(name=name).first()
        case "topic":
            found = Topic.objects.filter(name=name).first()
        case _:
            # Said whether or not there is such a person: whoever may not know that learns nothing.
            hint = "" if ":" in recipient else f" Somebody who logs in with that is 'user:{recipient}'."
            raise UnknownRecipient(f"{recipient!r} is not {FORMS}.{hint}")
    if found is None:
        hint = _ID_HINT if kind == "user" and has_form_of_id(name) else ""
        raise UnknownRecipient(f"There is no {kind} named {name!r}.{hint}", kind=kind)
    return found
