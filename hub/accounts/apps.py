from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "hub.accounts"
    label = "hub_accounts"
    verbose_name = _("Accounts")

    def ready(self) -> None:
        from hub.accounts import receivers, usernames

        receivers.connect()
        usernames.connect()
