from django.utils.translation import gettext_lazy as _

from hub.config import required_apps


class PresenceConfig(required_apps.HubAppConfig):
    name = "presence"
    label = "hub_presence"
    verbose_name = _("People online")

    def ready(self) -> None:
        from hub import presence
        from presence import channels, counting

        presence.on_departed(channels.online, counting.recount)
        presence.on_changed(counting.count_again)
