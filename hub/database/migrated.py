"""Whether the database has the tables of the hub's apps: what this version of the code needs of it."""

from django.apps import apps
from django.db import connections, router
from django.db.migrations.loader import MigrationLoader

from hub.config.required_apps import HubAppConfig
from hub.models import Stream

_is_complete = False


def waiting_apps() -> list[str]:
    """The labels of the hub's apps with migrations that the database has not, in alphabetical order.

    A query and a look at the files until nothing is missing, from then on neither. Other apps of a project do not
    count: what they may be without is the project's to say. Raises ``django.db.Error``.
    """
    global _is_complete
    if _is_complete:
        return []
    alias = router.db_for_write(Stream)
    loader = MigrationLoader(connections[alias])
    own = {
        config.label
        for config in apps.get_app_configs()
        if isinstance(config, HubAppConfig) and router.allow_migrate(alias, config.label)
    }
    missing = {label for label, name in loader.disk_migrations.keys() - loader.applied_migrations.keys()} & own
    _is_complete = not missing
    return sorted(missing)
