"""``POST /api/notify``: an alert from another program."""

import reprlib
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hub.api import DETAIL_LIMIT, ApiCall, ApiError, Code, Method, all_of, register
from hub.database import in_database_thread
from hub.users import User, all_users, has_form_of_id, log_in_field, users_by_id
from hub.validation import is_storable
from notifications import channels, events, sources
from notifications.http import audiences as audiences_api  # noqa: F401  # its method
from notifications.http import choices as action_choices_api  # noqa: F401  # its method
from notifications.http import distributions as distributions_api
from notifications.http import inbox as inbox_api  # noqa: F401  # its methods
from notifications.http import oversight as oversight_api  # noqa: F401  # likewise
from notifications.http import preferences as preferences_api  # noqa: F401  # likewise
from notifications.http import reading as reading_api  # noqa: F401  # likewise
from notifications.http import retracting as retracting_api  # noqa: F401  # likewise
from notifications.http import scopes
from notifications.http import topics as topics_api  # noqa: F401  # likewise
from notifications.offers.declaring import Action, Link, registered
from notifications.sending import actions
from notifications.sending.alerting import EVERYONE, LONGEST, LONGEST_THROTTLE, BadAlert, UnknownRecipient, alert
from notifications.sending.named_audiences import MEMBERS, PERMISSION, PREFIX, Listed

#: Words that name many people, never a person of that name.
_WORDS = {EVERYONE: "everybody", MEMBERS.label: "everybody who has an account"}

#: Recipients of one call.
RECIPIENTS_LIMIT = 1000

_TO = Meta(
    description="`everyone`, `members` (all who have an account), the id of a user as text or as a number, the name "
    "that a user logs in with, `user:NAME`, `group:NAME`, `topic:NAME`, `audience:NAME`, `permission:APP.CODENAME`, "
    f"or up to {RECIPIENTS_LIMIT} of these. A text that can be an id, such as one of digits, is an id, never a name. "
    "For more people repeat the call with the same key: it is one notification, and goes to those who have none yet."
)
_Seconds = Annotated[float, Meta(gt=0, le=LONGEST.total_seconds())]
_EXPIRES = Meta(
    description="When it is not true any more: seconds from now, or a time with its offset. Then no list has it."
)
_ACTIONS = Meta(
    description="Buttons, five at most: with a `url` they lead there, else `name` is that of an action of an app."
)
_REPLACE = Meta(description="It takes the place of what its recipients have of its key; what says the same stays.")
_AT_LOCAL = Meta(description="The same as a time without an offset: each person gets it when it is that time there.")
_AT = Meta(description="When it is sent, with its offset; a time that is over is now. `retract` cancels it by key.")
_KEY = Meta(description="Names what the alert is about: a recipient gets one alert of a key, ever.")

_KIND = Meta(
    description="The name of a kind that an app declares. Texts that the kind has come from it, in the language and "
    "time zone of each person; without a kind `message` is needed."
)
_PARAMS = Meta(
    description="The values for the placeholders of the kind's texts, by name. Dates and times are texts of ISO 8601, "
    "times with their zone; decimal numbers may be texts."
)


_GROUP_BY = Meta(
    description="What a person has not read of the same kind and text is one row in their inbox, with a count. For "
    "people, 100 at most; empty: it stands alone, whatever its kind says."
)


_THROTTLE = Meta(
    description="Seconds within which a person gets one alert of the same kind and `group_by` at once, and the others "
    "at their end as one row. For people, 100 at most; 0: it comes at once, whatever its kind says."
)


class NotifyRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Send an alert; see `notifications.notify`."""

    to: Annotated[str | int | list[str | int], _TO]
    message: str = ""
    title: str = ""
    level: str | UnsetType = UNSET
    url: str = ""
    data: Any = None
    key: Annotated[str | None, _KEY] = None
    expires: Annotated[_Seconds | datetime | None, _EXPIRES] = None
    kind: Annotated[str | None, _KIND] = None
    params: Annotated[dict[str, Any] | None, _PARAMS] = None
    at: Annotated[datetime | None, _AT] = None
    at_local: Annotated[datetime | None, _AT_LOCAL] = None
    replace: Annotated[bool, _REPLACE] = False
    actions: Annotated[list[events.OfferedAction], _ACTIONS] = []
    group_by: Annotated[str | None, _GROUP_BY] = None
    throttle: Annotated[Annotated[float, Meta(ge=0, le=LONGEST_THROTTLE.total_seconds())] | None, _THROTTLE] = None


_PROGRESS = Meta(description="Of those that a job gives to many people: the addresses at which to read how far it is.")


class NotifyResult(msgspec.Struct, omit_defaults=True):
    """The ids of the alerts, one for each recipient; an audience, and more than 100 people, are one recipient."""

    ids: list[int]
    progress: Annotated[list[str], _PROGRESS] = []
    #: It is sent at its time, and has no ids until then.
    scheduled: bool = False


async def notify(call: ApiCall[NotifyRequest]) -> NotifyResult:
    """Stored and sent to all recipients or to none."""
    to = call.request.to if isinstance(call.request.to, list) else [call.request.to]
    if len(to) > RECIPIENTS_LIMIT:
        raise ApiError(Code.LIMIT_EXCEEDED, f"an alert has {RECIPIENTS_LIMIT} recipients at most")
    return await in_database_thread(_notify, call, to)


def _notify(call: ApiCall[NotifyRequest], to: list[str | int]) -> NotifyResult:
    request = call.request
    # Before any of them is looked up: which audiences and permissions there are is told to no other key.
    if any(isinstance(one, str) and _names_an_audience(one) for one in to):
        all_of(call, channels.USER)
    try:
        described = alert(
            to=_recipients(to),
            message=request.message,
            title=request.title,
            level=request.level,
            url=request.url,
            data=request.data,
            key=request.key,
            expires=timedelta(seconds=request.expires) if isinstance(request.expires, float) else request.expires,
            kind=request.kind,
            params=request.params,
            at=request.at,
            at_local=request.at_local,
            replace=request.replace,
            actions=map(button, request.actions),
            group_by=request.group_by,
            throttle=None if request.throttle is None else timedelta(seconds=request.throttle),
        )
        scopes.require(call, described.to)
        if described.replace and any(isinstance(one, Listed) for one in described.to):
            all_of(call, channels.USER)  # it replaces what other people got as a list, too
        with sources.acting(sources.API_KEY, call.caller.pk):
            rows, scheduled = actions.send_or_schedule([described])
    except UnknownRecipient as error:
        # Which people, groups and topics there are is told to keys that may reach all of them. To others those that
        # are not there are as those that they may not name.
        if error.kind and not call.caller.scope.has_all_of(error.kind):
            raise ApiError(Code.PERMISSION_DENIED) from None
        raise ApiError(Code.BAD_REQUEST, str(error)[:DETAIL_LIMIT]) from None
    except BadAlert as error:
        raise ApiError(Code.BAD_REQUEST, str(error)[:DETAIL_LIMIT]) from None
    progress = [distributions_api.address(row.pk) for row in rows if row.audience]
    return NotifyResult([row.pk for row in rows], progress, bool(scheduled))


def button(offered: events.OfferedAction) -> Action | Link:
    """What another program offers as a button of an alert.

    Raises ``ApiError`` for an action of an app that is not open to other programs.
    """
    style = "" if offered.style is UNSET else offered.style
    if offered.url is UNSET:
        found = registered(offered.name)
        if found is not None and not found.over_http:
            raise ApiError(Code.BAD_REQUEST, "an action that is offered over HTTP is registered with over_http=True")
        return Action(offered.name, offered.label, style)
    return Link(offered.name, offered.label, offered.url, style)


def _recipients(to: list[str | int]) -> list[str | User]:
    """What ``alert`` takes for each; two queries for all people among them."""
    by_id = users_by_id({str(one) for one in to if _is_id(one)})
    texts = {one for one in to if isinstance(one, str) and not _is_id(one)}
    names = texts | {_name_in(one) for one in texts}
    by_name = {
        getattr(user, log_in_field()): user
        for user in all_users().filter(**{f"{log_in_field()}__in": [name for name in names if is_storable(name)]})
    }
    return [_recipient(one, by_id, by_name) for one in to]


def _recipient(one: str | int, by_id: dict[str, User], by_name: dict[str, User]) -> str | User:
    if isinstance(one, str) and one in _WORDS:
        if one in by_name:
            raise BadAlert(f"{one!r} is {_WORDS[one]}, and there is a user of this name: say 'user:{one}' for them.")
        return one
    # The same as a number and as text, whoever has taken which name: programs send ids in both forms.
    if _is_id(one):
        found = by_id.get(str(one))
        if found is None:
            raise UnknownRecipient(
                f"There is no user with the id {reprlib.repr(str(one))}; somebody of that name is 'user:NAME'.",
                kind=channels.USER,
            )
        return found
    text = str(one)
    if text != _name_in(text) and text in by_name and _name_in(text) in by_name:
        raise BadAlert(
            f"{text!r} is {_name_in(text)!r}, and there is a user of this name: say 'user:{text}' for them."
        )
    if text.startswith(("group:", "topic:", PREFIX, PERMISSION)):
        return text
    return by_name.get(_name_in(text)) or f"user:{_name_in(text)}"


def _names_an_audience(text: str) -> bool:
    return text == MEMBERS.label or text.startswith((PREFIX, PERMISSION))


def _is_id(one: str | int) -> bool:
    return isinstance(one, int) or (one not in _WORDS and has_form_of_id(one))


def _name_in(text: str) -> str:
    return text.removeprefix("user:")


register(
    Method(
        "notify",
        NotifyRequest,
        NotifyResult,
        notify,
        "Send an alert.",
        {"to": ["ada", 42], "message": "Backup finished", "level": "success", "key": "backup:2026-11-22"},
    )
)
