from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ChatConfig(AppConfig):
    name = "chat"
    verbose_name = _("Chat")

    def ready(self) -> None:
        from chat import channels, departures, receivers
        from hub import presence

        receivers.connect()
        presence.on_departed(channels.ROOM.name, departures.tell)
