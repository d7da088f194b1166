from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _

from hub.config import required_apps


class NotificationsConfig(required_apps.HubAppConfig):
    name = "notifications"
    label = "hub_notifications"
    verbose_name = _("Notifications")

    def ready(self) -> None:
        from hub import session
        from hub.api import on_refused
        from hub.config import hub_settings
        from hub.database import clean_up, prune_regularly
        from notifications import (
            channels,
            checks,  # noqa: F401  # registers its own
            failed_calls,
            receivers,
        )
        from notifications.kinds import written
        from notifications.models import (
            ActionChoice,
            Choice,
            Follow,
            InboxChange,
            InboxEntry,
            Notification,
            NotificationState,
            Preferences,
            ReadMark,
            ReadUpTo,
        )
        from notifications.saved_rules import checks as _of_opened_models  # noqa: F401  # likewise
        from notifications.saved_rules import current, trials
        from notifications.sending import retention

        session.register(channels.personal)
        receivers.connect()
        current.connect()
        clean_up(Notification, "user", "group", "topic", "sender")
        clean_up(Follow, "topic", "user")
        clean_up(ReadUpTo, "user")
        clean_up(ReadMark, "user")
        clean_up(InboxEntry, "user")
        clean_up(InboxChange, "user")
        clean_up(ActionChoice, "user")
        clean_up(Preferences, "user")
        clean_up(NotificationState, "user")
        clean_up(Choice, "user")
        on_refused(failed_calls.note_refused)
        prune_regularly(retention.prune)
        prune_regularly(trials.prune)

        # `kinds.py` and so on of every installed app, as Django does with `admin.py`.
        autodiscover_modules("kinds", "audiences", "alerts")
        written.declare(hub_settings().kinds)
