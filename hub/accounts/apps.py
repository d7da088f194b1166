from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "hub.accounts"
    label = "hub_accounts"
    verbose_name = _("Accounts")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from hub.accounts import links, receivers, sessions, tokens, usernames
        from hub.database import prune_regularly

        receivers.connect()
        usernames.connect()
        prune_regularly(sessions.prune)
        prune_regularly(links.prune)
        prune_regularly(tokens.prune)
