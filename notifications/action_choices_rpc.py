"""RPC method for client connections: choose an action of an alert."""

from datetime import datetime
from typing import Annotated

import msgspec
from django.utils.translation import gettext as _
from msgspec import Meta

from hub.channels import LAST_ID
from hub.session import RpcCall, RpcError, rpc
from hub.users import User
from notifications import action_choices, sources
from notifications.offers.declaring import NAME_LIMIT


class Choose(msgspec.Struct):
    """The caller chooses this action of this alert."""

    id: Annotated[int, Meta(ge=1, le=LAST_ID)]
    action: Annotated[str, Meta(min_length=1, max_length=NAME_LIMIT)]


class Choice(msgspec.Struct):
    """What the caller has chosen, now or before, and when."""

    action: str
    at: datetime


@rpc("alerts.choose")
def choose(call: RpcCall, params: Choose) -> Choice:
    """Runs once for each person; whoever has chosen before is told what."""
    if not isinstance(call.user, User):
        raise RpcError(401, _("Log in to choose"))
    with sources.by_device(call.device):
        choice = action_choices.choose(user=call.user, notification_id=params.id, name=params.action)
    return Choice(choice.action, choice.chosen_at)
