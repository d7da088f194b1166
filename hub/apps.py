from django.apps import apps
from django.conf import settings
from django.db.backends.signals import connection_created
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _

from hub.config import required_apps


class HubConfig(required_apps.HubAppConfig):
    name = "hub"
    verbose_name = _("Notification Hub")

    def ready(self) -> None:
        from hub import checks  # noqa: F401  # registers itself
        from hub.access import credentials, project_sessions, receivers
        from hub.channels import open_namespaces
        from hub.config import hub_settings, private_files
        from hub.database import signals
        from hub.privacy import engine  # noqa: F401  # registers itself
        from hub.session import connection_presence

        signals.connect()
        receivers.connect()
        credentials.register("session", project_sessions.users_for)
        if apps.is_installed("hub.accounts"):
            from hub.accounts import sessions, tokens

            credentials.register("token", tokens.find, tokens.digest_of)
            if sessions.__name__ == settings.SESSION_ENGINE:  # it knows whose a session is without unpacking it
                credentials.register("session", sessions.users_for)
        connection_created.connect(private_files.guard_database, dispatch_uid="hub.config.private_files")
        # Such a file of every installed app, as Django does with `admin.py`.
        autodiscover_modules("namespaces", "rpc", "personal_data", "live_rows")
        open_namespaces.open_all(hub_settings().open_namespaces)
        connection_presence.watch()
