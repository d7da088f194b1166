"""The rows of this app. Who sends, reads or changes them imports them from here."""

from notifications.models.distributions import Distribution, ListedPeople, Withdrawal
from notifications.models.failed_calls import FailedCall
from notifications.models.inbox import (
    ActionChoice,
    InboxChange,
    InboxEntry,
    NotificationState,
    ReadMark,
    ReadUpTo,
)
from notifications.models.later import ScheduledAlert, ThrottleWindow
from notifications.models.limits import (
    AUDIENCE_LIMIT,
    BUNDLE_LIMIT,
    FAILURE_LIMIT,
    KEY_LIMIT,
    NAME_LIMIT,
    SCOPE_LIMIT,
    SUBJECT_LIMIT,
    TITLE_LIMIT,
    USER_KEY_LIMIT,
)
from notifications.models.notification import Level, Notification
from notifications.models.preferences import Choice, Preferences
from notifications.models.topics import Follow, Topic, newest_alert

# Django finds the models of an app in this package.
from notifications.saved_rules import models as _of_saved_rules  # noqa: F401  # registers them

__all__ = [
    "AUDIENCE_LIMIT",
    "BUNDLE_LIMIT",
    "FAILURE_LIMIT",
    "KEY_LIMIT",
    "NAME_LIMIT",
    "SCOPE_LIMIT",
    "SUBJECT_LIMIT",
    "TITLE_LIMIT",
    "USER_KEY_LIMIT",
    "ActionChoice",
    "Choice",
    "Distribution",
    "FailedCall",
    "Follow",
    "InboxChange",
    "InboxEntry",
    "Level",
    "ListedPeople",
    "Notification",
    "NotificationState",
    "Preferences",
    "ReadMark",
    "ReadUpTo",
    "ScheduledAlert",
    "ThrottleWindow",
    "Topic",
    "Withdrawal",
    "newest_alert",
]
