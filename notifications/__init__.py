"""Who should know, and how they are told.

``notify`` and ``anotify`` send an alert now; ``alert`` describes one for a rule to return; ``on_save``, ``on_delete``
and ``on_m2m_change`` make rules, and ``notify_bulk`` runs one for many rows; ``retract`` and ``aretract`` take alerts
back; ``audience`` declares people by a name, ``MEMBERS`` and ``people_with`` are audiences; ``Kind`` declares a class
of notifications, ``Category`` what kinds people look at together; ``Action`` and ``Link`` are buttons of an alert, and
``action`` registers what they do. They may be imported anywhere after Django's apps are configured, ``Kind`` and
``Category`` in ``models.py`` too.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from notifications.actions import anotify, notify
    from notifications.alerting import Alert, alert
    from notifications.bulk import notify_bulk
    from notifications.kinds import Category, Kind
    from notifications.m2m_rules import on_m2m_change
    from notifications.named_audiences import MEMBERS, audience, people_with
    from notifications.offers import Action, Chosen, Link, action
    from notifications.rules import on_delete, on_save
    from notifications.saved_rules.firing import open_to_rules
    from notifications.withdrawing import aretract, retract

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
    "notify",
    "notify_bulk",
    "on_delete",
    "on_m2m_change",
    "on_save",
    "open_to_rules",
    "people_with",
    "retract",
]

_HOMES = {
    "MEMBERS": "named_audiences",
    "Action": "offers",
    "Alert": "alerting",
    "Category": "kinds",
    "Chosen": "offers",
    "Kind": "kinds",
    "Link": "offers",
    "action": "offers",
    "alert": "alerting",
    "anotify": "actions",
    "aretract": "withdrawing",
    "audience": "named_audiences",
    "notify": "actions",
    "notify_bulk": "bulk",
    "on_delete": "rules",
    "on_m2m_change": "m2m_rules",
    "on_save": "rules",
    "open_to_rules": "saved_rules.firing",
    "people_with": "named_audiences",
    "retract": "withdrawing",
}


def __getattr__(name: str) -> Any:
    # The homes import models, which must not happen while Django is still collecting its apps.
    if name not in _HOMES:
        raise AttributeError(f"module 'notifications' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"notifications.{_HOMES[name]}"), name)
