"""Who should know, and how they are told.

``notify`` and ``anotify`` send an alert now; ``alert`` describes one for a rule to return; ``on_save``, ``on_delete``
and ``on_m2m_change`` make rules, and ``notify_bulk`` runs one for many rows; ``retract`` and ``aretract`` take alerts
back; ``audience`` declares people by a name, ``MEMBERS`` and ``people_with`` are audiences; ``Kind`` declares a class
of notifications, ``Category`` what kinds people look at together; ``Action`` and ``Link`` are buttons of an alert, and
``action`` registers what they do; ``delivery_method`` adds a way to reach people that they choose about, and
``who_wants`` says who has chosen it. They may be imported anywhere after Django's apps are configured, ``Kind`` and
``Category`` in ``models.py`` too.
"""

from typing import TYPE_CHECKING

from hub.faces import exported

if TYPE_CHECKING:
    from notifications.kinds.declaring import Category, Kind
    from notifications.offers.declaring import Action, Chosen, Link, action
    from notifications.preferences.choosing import who_wants
    from notifications.preferences.methods import delivery_method
    from notifications.rules.bulk import notify_bulk
    from notifications.rules.declaring import on_delete, on_save
    from notifications.rules.m2m import on_m2m_change
    from notifications.saved_rules.firing import open_to_rules
    from notifications.sending.actions import anotify, notify
    from notifications.sending.alerting import Alert, alert
    from notifications.sending.named_audiences import MEMBERS, audience, people_with
    from notifications.sending.withdrawing import aretract, retract

__all__ = [
    "MEMBERS",
    "Action",
    "Alert",
    "Category",
    "Chosen",
    "Kind",
    "Link",
    "action",
    "alert",
    "anotify",
    "aretract",
    "audience",
    "delivery_method",
    "notify",
    "notify_bulk",
    "on_delete",
    "on_m2m_change",
    "on_save",
    "open_to_rules",
    "people_with",
    "retract",
    "who_wants",
]

__getattr__ = exported(
    __name__,
    {
        "MEMBERS": "sending.named_audiences",
        "Action": "offers.declaring",
        "Alert": "sending.alerting",
        "Category": "kinds.declaring",
        "Chosen": "offers.declaring",
        "Kind": "kinds.declaring",
        "Link": "offers.declaring",
        "action": "offers.declaring",
        "alert": "sending.alerting",
        "anotify": "sending.actions",
        "aretract": "sending.withdrawing",
        "audience": "sending.named_audiences",
        "delivery_method": "preferences.methods",
        "notify": "sending.actions",
        "notify_bulk": "rules.bulk",
        "on_delete": "rules.declaring",
        "on_m2m_change": "rules.m2m",
        "on_save": "rules.declaring",
        "open_to_rules": "saved_rules.firing",
        "people_with": "sending.named_audiences",
        "retract": "sending.withdrawing",
        "who_wants": "preferences.choosing",
    },
)
