from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class NotificationsConfig(AppConfig):
    name = "notifications"
    verbose_name = _("Notifications")

    def ready(self) -> None:
        from hub.connection import personal
        from notifications import channels

        personal.register(channels.personal)

        # `alerts.py` of every installed app, as Django does with `admin.py`.
        autodiscover_modules("alerts")
