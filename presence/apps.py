from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PresenceConfig(AppConfig):
    name = "presence"
    label = "hub_presence"
    verbose_name = _("People online")

    def ready(self) -> None:
        from hub import presence
        from presence import channels, counting

        presence.on_departed(channels.online, counting.recount)
        presence.on_changed(counting.count_again)
