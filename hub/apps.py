from django.apps import AppConfig
from django.db.backends.signals import connection_created
from django.utils.module_loading import autodiscover_modules


class HubConfig(AppConfig):
    name = "hub"

    def ready(self) -> None:
        from hub import checks, open_namespaces, private_files, signals  # noqa: F401  # the first registers itself
        from hub.conf import hub_settings
        from hub.connection import attendance

        signals.connect()
        connection_created.connect(private_files.guard_database, dispatch_uid="hub.private_files")
        # `channels.py` and `rpc.py` of every installed app, as Django does with `admin.py`.
        autodiscover_modules("channels", "rpc")
        open_namespaces.open_all(hub_settings().open_namespaces)
        attendance.watch()
