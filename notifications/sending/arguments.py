"""The arguments that the calls which send alerts have in common; :func:`notifications.alert` says what they mean."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Required, TypedDict

from msgspec import UnsetType

from notifications.kinds.declaring import Kind
from notifications.offers.declaring import Action, Link
from notifications.sending.alerting import Recipient


class Said(TypedDict, total=False):
    """What an alert says, and how it comes."""

    message: str
    title: str
    level: str | UnsetType
    url: str
    data: Any
    kind: Kind | str | None
    params: Mapping[str, Any] | None
    actions: Iterable[Action | Link]
    group_by: str | None
    throttle: timedelta | None


class AlertArguments(Said, total=False):
    """All arguments of :func:`notifications.alert`, and so of ``notify`` and ``anotify``."""

    to: Required[Recipient | Iterable[Recipient]]
    key: str | None
    expires: timedelta | datetime | None
    at: datetime | None
    replace: bool
    at_local: datetime | None
