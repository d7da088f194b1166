from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class PeopleConfig(AppConfig):
    name = "hub.people"
    label = "hub_people"
    verbose_name = _("People")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from hub.people import key_sequence

        post_migrate.connect(key_sequence.begin_at_first_key, sender=self, dispatch_uid="hub.people.key_sequence")
