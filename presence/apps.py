from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PresenceConfig(AppConfig):
    name = "presence"
    label = "hub_presence"
    verbose_name = _("People online")

    def ready(self) -> None:
        from hub import lifespan, presence
        from presence import channels, counting

        lifespan.at_end(counting.close)

        presence.on_departed(channels.online, counting.recount)
        presence.on_changed(counting.count_again)
