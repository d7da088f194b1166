"""``POST /api/choose``: somebody chooses an action of an alert in a product's own pages."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from hub.api import DETAIL_LIMIT, ApiCall, ApiError, Code, Method, person_named, register
from hub.channels import LAST_ID
from hub.database import in_database_thread
from hub.validation import Refused
from notifications import action_choices, sources
from notifications.offers.declaring import NAME_LIMIT


class ChooseRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A person chooses this action of this alert of theirs."""

    user: str
    id: Annotated[int, Meta(ge=1, le=LAST_ID)]
    action: Annotated[str, Meta(min_length=1, max_length=NAME_LIMIT)]


class ChooseResult(msgspec.Struct):
    """What the person has chosen, now or before, and when."""

    action: str
    at: datetime


#: Of the code of a refusal; others are a bad request.
_CODES = {action_choices.MayNotChoose.code: Code.PERMISSION_DENIED, action_choices.ActionFailed.code: Code.INTERNAL}


async def choose(call: ApiCall[ChooseRequest]) -> ChooseResult:
    """Runs once for each person; whoever has chosen before is told what."""
    return await in_database_thread(_choose, call)


def _choose(call: ApiCall[ChooseRequest]) -> ChooseResult:
    request = call.request
    person = person_named(call, request.user)
    try:
        with sources.acting(sources.API_KEY, call.caller.pk):
            choice = action_choices.choose(user=person, notification_id=request.id, name=request.action)
    except Refused as refused:
        raise ApiError(_CODES.get(refused.code, Code.BAD_REQUEST), str(refused)[:DETAIL_LIMIT]) from None
    return ChooseResult(choice.action, choice.chosen_at)


register(
    Method(
        "choose",
        ChooseRequest,
        ChooseResult,
        choose,
        "Choose an action of somebody's alert.",
        {"user": "42", "id": 7, "action": "approve_order"},
    )
)
