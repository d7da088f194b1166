"""What ``manage.py check`` says about the user model and the two settings of it, before anything is migrated."""

from collections.abc import Iterator, Sequence
from typing import Any, cast

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import models

from hub.config import hub_settings
from hub.users import groups, model, names

#: Characters of an id.
ID_LIMIT = 64

#: What the person has in the fields of the model whom the checks make up.
_MAIL, _NAME = "somebody@example.org", "Somebody"

#: Fields in which user models have the name that others read.
_LIKELY_NAMES = ("name", "full_name", "display_name", "nickname")


@checks.register
def user_model_works(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """The user model is one that the hub can work with, and so are ``HUB_USER_ID`` and ``HUB_DISPLAY_NAME``."""
    try:
        users: type[models.Model] = get_user_model()
    except ImproperlyConfigured:
        return []  # Django's own check says so
    if not issubclass(users, AbstractBaseUser):
        return [
            checks.Error(
                f"The user model {users._meta.label} does not derive from AbstractBaseUser.",
                hint="Derive it from django.contrib.auth.base_user.AbstractBaseUser.",
                id="hub.E020",
            )
        ]
    return [*_of_ids(users), *_of_names(users), *_of_fields(users)]


def _of_ids(users: type[models.Model]) -> Iterator[checks.CheckMessage]:
    name = hub_settings().user_id
    if not name:
        yield from _of_id_type(users, users._meta.pk, f"The key of the user model {users._meta.label}")
        return
    field = model.field_named(name)
    if field is None:
        yield checks.Error(
            f"HUB_USER_ID names {name!r}, and the user model {users._meta.label} has no such field.", id="hub.E022"
        )
        return
    if not field.unique or field.null:
        yield checks.Error(
            f"HUB_USER_ID names the field {name!r}, which is not unique or may be empty: two people could be called "
            "the same.",
            hint="Declare the field with unique=True, and without null=True.",
            id="hub.E023",
        )
    yield from _of_id_type(users, field, f"The field {name!r}, which HUB_USER_ID names,")


def _of_id_type(users: type[models.Model], field: Any, called: str) -> Iterator[checks.CheckMessage]:
    kind = field.get_internal_type()
    if isinstance(field, models.EmailField):
        yield checks.Error(
            f"{called} is a mail address: others would read it, and no channel's name can have it.",
            hint="Name another unique field in HUB_USER_ID, such as a UUIDField.",
            id="hub.E021",
        )
    elif kind == "CharField" or kind == "SlugField":
        if field.max_length is None or field.max_length > ID_LIMIT:
            yield checks.Warning(
                f"{called} may have more than {ID_LIMIT} characters: people connect to nothing whose id is longer, "
                "or has others than the letters a to z, digits, '-' and '_'.",
                hint="Name another unique field in HUB_USER_ID, or silence this where all ids are short.",
                id="hub.W020",
            )
    elif kind != "UUIDField" and not kind.endswith(("IntegerField", "AutoField")):
        yield checks.Error(
            f"{called} is a {type(field).__name__}, which cannot be written as an id of letters, digits, '-' and '_'.",
            hint="Name a unique field of whole numbers, UUIDs or short texts in HUB_USER_ID.",
            id="hub.E021",
        )


def _of_names(users: type[models.Model]) -> Iterator[checks.CheckMessage]:
    name = hub_settings().display_name
    if "." in name:
        try:
            found = names.function_named(name)
        except ImportError as error:
            yield checks.Error(f"HUB_DISPLAY_NAME names {name!r}, which cannot be imported: {error}.", id="hub.E024")
            return
        if not callable(found):
            yield checks.Error(
                f"HUB_DISPLAY_NAME names {name!r}, which is no function that takes a user.", id="hub.E024"
            )
            return
    elif name and not hasattr(users, name):
        yield checks.Error(
            f"HUB_DISPLAY_NAME names {name!r}, and the user model {users._meta.label} has no such field.",
            hint="Name a field or a method of the model, or the path of a function, such as myproject.people.name_of.",
            id="hub.E024",
        )
        return
    said = _name_of_sample(users)
    if said is not None and names.is_mail_address(said):
        yield checks.Error(
            f"HUB_DISPLAY_NAME, {name!r}, says people's mail addresses: everybody in a room would read them.",
            hint="Name a field or a function that says what others may read.",
            id="hub.E025",
        )
    elif not name and said == "":
        yield checks.Warning(
            f"The user model {users._meta.label} says no name but a mail address, so others read names that are "
            "made of people's ids.",
            hint=_hint_of_names(),
            id="hub.W021",
        )


def _hint_of_names() -> str:
    likely = next((name for name in _LIKELY_NAMES if model.field_named(name) is not None), "")
    setting = f'Set HUB_DISPLAY_NAME = "{likely}"' if likely else "Name a field or a function in HUB_DISPLAY_NAME"
    return f"{setting}, or give the model get_full_name()."


def _name_of_sample(users: type[models.Model]) -> str | None:
    """What others would read of somebody whose model is filled in; None where that is not known."""
    texts = {
        field.attname: _MAIL
        if isinstance(field, models.EmailField) or field.name == getattr(users, "EMAIL_FIELD", "")
        else _NAME
        for field in users._meta.concrete_fields
        if isinstance(field, models.CharField | models.TextField)
    }
    try:
        return names.said_of(cast("model.User", users(**texts)))
    except Exception:  # noqa: BLE001  # a function of the project's, given a person that is nowhere stored
        return None


def _of_fields(users: type[models.Model]) -> Iterator[checks.CheckMessage]:
    if model.field_named("is_active") is None:
        yield checks.Warning(
            f"The user model {users._meta.label} has no field is_active: nobody can be shut out but by deleting the "
            "account.",
            hint="Add is_active = models.BooleanField(default=True).",
            id="hub.W022",
        )
    if not model.joined_field():
        yield checks.Warning(
            f"The user model {users._meta.label} does not say when an account was made: what was sent to everyone and "
            "to groups before that is unread to a new person.",
            hint="Add date_joined = models.DateTimeField(default=timezone.now), or a time with auto_now_add=True.",
            id="hub.W023",
        )
    found = groups.memberships()
    if found is not None and not found.number_column:
        yield checks.Warning(
            f"The model {found.rows._meta.label!r} has a key that does not grow from row to row: what was sent to a "
            "group before somebody joined it is unread to them.",
            hint="Give the model that says who is in which group an id = models.BigAutoField(primary_key=True).",
            id="hub.W024",
        )
