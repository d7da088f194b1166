"""The simple endpoint of alerts, ``/ws/notifications/``: authorise, join, forward."""

from collections.abc import Iterable

from django.utils.translation import gettext_lazy as _

from hub.database.threads import in_database_thread
from hub.endpoints.simple.codes import BadMessage
from hub.endpoints.simple.endpoint import SimpleEndpoint
from hub.fanout.local_channel import Encoder
from notifications import actions, channels, events


class NotificationsEndpoint(SimpleEndpoint):
    """Alerts for this person and for everyone; who may, sends alerts to everyone with ``{"message": …}``."""

    name = "notifications"

    async def authorise(self) -> Iterable[tuple[str, Encoder]]:
        return [(name, events.plain_frame) for name in await channels.personal(self.user)]

    async def message(self, message: str) -> None:
        try:
            await in_database_thread(actions.broadcast_from_client, user=self.user, message=message)
        except actions.MayNotBroadcast:
            raise BadMessage("permission_denied", _("You may not send notifications to everyone")) from None
