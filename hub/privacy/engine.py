"""What the engine holds of a person: the row, their channel, what their clients published, and the admin's log."""

from typing import Any

import msgspec
from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import models
from django.utils.timezone import is_aware

from hub.privacy.parts import PersonalData, are_texts_removed, register
from hub.publishing import forget_channel
from hub.streams import personal
from hub.users import User, groups_of, user_id

#: Columns that are no information about the person, but secrets.
_SECRET = frozenset({"password"})

#: What stands where somebody published who was erased.
_ERASED = '{"type":"hub.publication_erased"}'


def _export(user: User) -> dict[str, Any]:
    from django.contrib.auth.models import Group

    fields = {
        field.name: _as_json(getattr(user, field.attname))
        for field in user._meta.concrete_fields
        if field.name not in _SECRET
    }
    names = Group.objects.filter(pk__in=groups_of(user.pk)).order_by("name").values_list("name", flat=True)
    published = [
        {"channel": row.channel, "at": row.created_at.isoformat(), "data": msgspec.json.decode(row.data)}
        for row in personal.published_by(user_id(user))
    ]
    return {"fields": fields, "groups": list(names), "published": published}


def _as_json(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str | list | dict):
        return value
    return value.isoformat() if hasattr(value, "isoformat") and is_aware(value) else str(value)


def _erase(user: User) -> None:
    known = user_id(user)
    forget_channel(f"user:{known}")
    personal.erase_published_by(known, _ERASED if are_texts_removed() else None)
    if apps.is_installed("django.contrib.admin"):
        _forget_in_admin(user)


def _forget_in_admin(user: User) -> None:
    """The admin's log names each row as it was called when somebody changed it."""
    from django.contrib.admin.models import LogEntry
    from django.contrib.contenttypes.models import ContentType

    kind = ContentType.objects.get_for_model(get_user_model())
    about = models.Q(content_type=kind, object_id=str(user.pk))
    LogEntry.objects.filter(about | models.Q(user=user)).delete()


register(PersonalData("account", _export, _erase))
