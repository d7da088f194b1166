"""``POST /api/notify``: an alert from another program."""

import reprlib
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from hub.api import DETAIL_LIMIT, ApiCall, ApiError, Code, Method, register
from hub.database import in_database_thread
from hub.users import User, all_users, has_form_of_id, log_in_field, users_by_id
from notifications import actions, channels, reading_api, topics_api  # noqa: F401  # their methods
from notifications.alerting import EVERYONE, Alert, BadAlert, UnknownRecipient, alert
from notifications.models import Topic

#: Recipients of one call.
RECIPIENTS_LIMIT = 1000

_TO = Meta(
    description="`everyone`, the id of a user as text or as a number, the name that a user logs in with, `user:NAME`, "
    f"`group:NAME`, `topic:NAME`, or up to {RECIPIENTS_LIMIT} of these. A text that can be an id, such as one of "
    "digits, is an id, never a name."
)
_KEY = Meta(description="Names what the alert is about: a recipient gets one alert of a key, ever.")


class NotifyRequest(msgspec.Struct, kw_only=True):
    """Send an alert; see `notifications.notify`."""

    to: Annotated[str | int | list[str | int], _TO]
    message: str
    title: str = ""
    level: str = "info"
    url: str = ""
    data: Any = None
    key: Annotated[str | None, _KEY] = None


class NotifyResult(msgspec.Struct):
    """The ids of the alerts, one for each recipient."""

    ids: list[int]


async def notify(call: ApiCall[NotifyRequest]) -> NotifyResult:
    """Stored and sent to all recipients or to none."""
    to = call.request.to if isinstance(call.request.to, list) else [call.request.to]
    if len(to) > RECIPIENTS_LIMIT:
        raise ApiError(Code.LIMIT_EXCEEDED, f"an alert has {RECIPIENTS_LIMIT} recipients at most")
    return NotifyResult(await in_database_thread(_notify, call, to))


def _notify(call: ApiCall[NotifyRequest], to: list[str | int]) -> list[int]:
    request = call.request
    try:
        described = alert(
            to=[_recipient(one) for one in to],
            message=request.message,
            title=request.title,
            level=request.level,
            url=request.url,
            data=request.data,
            key=request.key,
        )
    except UnknownRecipient as error:
        # Which people, groups and topics there are is told to keys that may reach all of them. To others those that
        # are not there are as those that they may not name.
        if error.kind and not call.caller.scope.has_all_of(error.kind):
            raise ApiError(Code.PERMISSION_DENIED) from None
        raise ApiError(Code.BAD_REQUEST, str(error)[:DETAIL_LIMIT]) from None
    except BadAlert as error:
        raise ApiError(Code.BAD_REQUEST, str(error)[:DETAIL_LIMIT]) from None
    _require_channels(call, described)
    return [row.pk for row in actions.send([described])]


def _recipient(one: str | int) -> str | User:
    text = str(one)
    if one == EVERYONE:
        if all_users().filter(**{log_in_field(): EVERYONE}).exists():
            raise BadAlert("'everyone' is everybody, and there is a user of this name: say 'user:everyone' for them.")
        return EVERYONE
    # The same as a number and as text, whoever has taken which name: programs send ids in both forms.
    if isinstance(one, int) or has_form_of_id(text):
        found = users_by_id([text]).get(text)
        if found is None:
            raise UnknownRecipient(
                f"There is no user with the id {reprlib.repr(text)}; somebody of that name is 'user:NAME'.",
                kind=channels.USER,
            )
        return found
    return one if one.startswith(("user:", "group:", "topic:")) else f"user:{one}"


def _require_channels(call: ApiCall[NotifyRequest], described: Alert) -> None:
    for recipient in described.to:
        if isinstance(recipient, User):
            call.channel(channels.of_user(recipient))
        elif isinstance(recipient, Topic):
            call.channel(channels.of_topic(recipient.name))
        else:
            call.channel(channels.of_group(recipient.pk) if recipient else channels.everyone)


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
