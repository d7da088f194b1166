"""Namespaces that a setting opens without code, ``HUB_OPEN_NAMESPACES``: for trying things out in development.

    {"news": {"publish": true, "guests": true, "history_size": 100, "history_ttl": 300}, "": {}}

opens ``news:<any id>`` and, by the empty name, every name without a colon. What is not said is closed, but that
logged-in users may subscribe. :class:`hub.config.kinds.NamespaceOptions` has all options.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from django.core.exceptions import ImproperlyConfigured

from hub.channels.namespace import Namespace, anyone, register, signed_in
from hub.config.kinds import NamespaceOptions, OpenNamespaces

DAY = 86_400.0


def open_all(namespaces: Mapping[str, NamespaceOptions | Mapping[str, Any]]) -> None:
    """Register the namespaces; called once, when all apps have registered theirs.

    Raises:
        ImproperlyConfigured: an app has declared a namespace of this name, with rules that a setting must not undo;
            or these are no namespaces, where Django's settings name them and not the environment.
    """
    try:
        usable = msgspec.convert(namespaces, OpenNamespaces)
    except msgspec.ValidationError as error:
        raise ImproperlyConfigured(f"HUB_OPEN_NAMESPACES must map names to their options: {error}.") from None
    for name, options in usable.items():
        who = anyone if options.guests else signed_in
        try:
            register(
                Namespace(
                    name,
                    durable=options.history_size > 0,
                    keep_items=options.history_size,
                    keep_days=options.seconds / DAY,
                    can_subscribe=who if options.subscribe else None,
                    can_publish=who if options.publish else None,
                    can_see_presence=who if options.presence else None,
                    presence=options.presence or options.join_leave,
                    counts_guests=options.guests,
                    join_leave=options.join_leave,
                    force_push_join_leave=options.force_push_join_leave and options.join_leave,
                    force_recovery=options.force_recovery,
                )
            )
        except ValueError:
            raise ImproperlyConfigured(
                f"HUB_OPEN_NAMESPACES names {name!r}, which an app declares in code: choose another name."
            ) from None
