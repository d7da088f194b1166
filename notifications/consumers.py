"""The plain door of alerts, ``/ws/notifications/``: authorise, join, forward."""

from collections.abc import Iterable

from django.utils.translation import gettext_lazy as _

from hub.batching import Batcher
from hub.feed import Shape
from hub.sockets.codes import BadMessage
from hub.sockets.door import Door
from hub.threads import in_database_thread
from notifications import actions, channels, events


async def _channels_of_groups(user_ids: list[int]) -> dict[int, list[str]]:
    return await in_database_thread(channels.of_groups_of, user_ids)


#: Those who connect at the same time are looked up together.
_groups = Batcher(_channels_of_groups)


class NotificationsDoor(Door):
    """Alerts for this person and for everyone; who may, sends alerts to everyone with ``{"message": …}``."""

    name = "notifications"

    async def authorise(self) -> Iterable[tuple[str, Shape]]:
        names = [channels.everyone]
        if self.user.is_authenticated:
            names += [channels.of_user(self.user), *await _groups.get(self.user.pk)]
        return [(name, events.plain_frame) for name in names]

    async def message(self, message: str) -> None:
        try:
            await in_database_thread(actions.broadcast_from_client, user=self.user, message=message)
        except actions.MayNotBroadcast:
            raise BadMessage("permission_denied", _("You may not send notifications to everyone")) from None
