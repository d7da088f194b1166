from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PresenceConfig(AppConfig):
    name = "presence"
    verbose_name = _("Who is online")

    def ready(self) -> None:
        from hub import presence
        from presence import channels, counting

        presence.on_departed(channels.online, counting.recount)
