from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ChatConfig(AppConfig):
    name = "chat"
    label = "hub_chat"
    verbose_name = _("Chat")

    def ready(self) -> None:
        from chat import channels, departures, naming, receivers
        from chat.models import Message
        from hub import presence
        from hub.database import deletions

        receivers.connect()
        naming.connect()
        deletions.clean_up(Message, "room", "author")
        presence.on_departed(channels.NAMESPACE, departures.tell)
