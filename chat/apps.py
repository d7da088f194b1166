from django.utils.translation import gettext_lazy as _

from hub.config import required_apps


class ChatConfig(required_apps.HubAppConfig):
    name = "chat"
    label = "hub_chat"
    verbose_name = _("Chat")

    def ready(self) -> None:
        from chat import channels, departures, naming, receivers, retention
        from chat.models import Message
        from hub import presence
        from hub.database import clean_up, prune_regularly

        receivers.connect()
        naming.connect()
        clean_up(Message, "room", "author")
        prune_regularly(retention.prune)
        presence.on_departed(channels.NAMESPACE, departures.tell)
