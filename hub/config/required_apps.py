"""The apps without which the hub's models cannot be made, which happens before Django's checks."""

from django.apps import AppConfig, apps
from django.core.exceptions import ImproperlyConfigured

_REQUIRED = ("django.contrib.contenttypes", "django.contrib.auth", "hub", "notifications")


class HubAppConfig(AppConfig):
    """An app of the hub's. Where it is installed without those that it needs, the start ends with a sentence.

    Name it by this module in an ``apps.py``: of two such classes there Django takes neither.
    """

    # As the migrations have it. The project's DEFAULT_AUTO_FIELD is for its own models: by another one makemigrations
    # would write migrations of the hub's, with smaller keys, into the installed package.
    default_auto_field = "django.db.models.BigAutoField"

    def import_models(self) -> None:
        """See Django's. Here, since it is the first that is called when all names of apps are known.

        Raises:
            ImproperlyConfigured: an app is missing.
        """
        for name in _REQUIRED:
            if not apps.is_installed(name):
                raise ImproperlyConfigured(
                    f'INSTALLED_APPS has no "{name}", and has "{self.name}", which needs it: add it.'
                )
        super().import_models()
