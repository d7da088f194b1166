from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class NotificationsConfig(AppConfig):
    name = "notifications"
    verbose_name = _("Notifications")

    def ready(self) -> None:
        from hub.connection import personal
        from notifications import channels, receivers

        personal.register(channels.personal)
        receivers.connect()

        # `alerts.py` of every installed app, as Django does with `admin.py`.
        autodiscover_modules("alerts")
