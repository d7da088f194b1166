"""What the engine holds of a person: the row, their channel, what their clients published, and the admin's log.

What their clients published is taken out by ``erasing``, for many people at once.
"""

from typing import Any

import msgspec
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import models
from django.utils.timezone import is_aware

from hub.channels import of_person
from hub.config import hub_settings
from hub.privacy import admin_log
from hub.privacy.parts import PersonalData, register
from hub.publishing import forget_channel
from hub.streams import personal
from hub.users import User, groups_of, is_own_model, joined_field, log_in_field, user_id

#: Columns that are no information about the person, but secrets.
_SECRET = frozenset({"password"})

#: What the hub reads of other user models, where they have it. What else they have is the project's to tell.
_READ = frozenset({"email", "name", "first_name", "last_name", "is_active", "is_staff", "is_superuser", "last_login"})


def _export(user: User) -> dict[str, Any]:
    fields = {field.name: _as_json(getattr(user, field.attname)) for field in _told(user)}
    names = Group.objects.filter(pk__in=groups_of(user.pk)).order_by("name").values_list("name", flat=True)
    published = [
        {"channel": row.channel, "at": row.created_at.isoformat(), "data": msgspec.json.decode(row.data)}
        for row in personal.published_by([user_id(user)])
    ]
    return {"fields": fields, "groups": list(names), "published": published}


def _told(user: User) -> "list[models.Field[Any, Any]]":
    """The columns of the row that are told."""
    columns = [field for field in user._meta.concrete_fields if field.name not in _SECRET]
    if is_own_model():
        return columns
    settings = hub_settings()
    read = _READ | {user._meta.pk.name, log_in_field(), user.get_email_field_name(), joined_field()}
    read |= {settings.user_id, settings.display_name}
    return [field for field in columns if field.name in read]


def _as_json(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str | list | dict):
        return value
    return value.isoformat() if hasattr(value, "isoformat") and is_aware(value) else str(value)


def _erase(user: User) -> None:
    forget_channel(of_person("user", user_id(user)))
    # What the person did in the admin is no entry about them: it tells what became of other rows.
    admin_log.forget(get_user_model(), [user.pk])


register(PersonalData("account", _export, _erase))
