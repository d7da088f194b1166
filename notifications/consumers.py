"""The simple endpoint of alerts, ``/ws/notifications/``: authorise, join, forward."""

from hub.database import in_database_thread
from hub.endpoints import Channels, SimpleEndpoint
from notifications import channels, events
from notifications.sending import actions


class NotificationsEndpoint(SimpleEndpoint):
    """Alerts for this person and for everyone; who may, sends alerts to everyone with ``{"message": …}``."""

    name = "notifications"

    async def authorise(self) -> Channels:
        return [(name, events.plain_frame) for name in await channels.personal(self.user)]

    async def message(self, message: str) -> None:
        await in_database_thread(actions.broadcast_from_client, user=self.user, message=message, key=self.key)
