"""What a person may do, as Django's authentication backends say."""

from hub.users.model import Visitor


def may(user: Visitor, permission: str) -> bool:
    """Whether an authentication backend grants the person ``permission`` (``app_label.codename``).

    A user model may have no permissions: then nobody may. May ask the database.
    """
    has_permission = getattr(user, "has_perm", None)
    return user.is_active and has_permission is not None and bool(has_permission(permission))


def is_staff_or_may(user: Visitor, permission: str) -> bool:
    """Whether ``user`` is of the staff, or :func:`may`; a user model may have no ``is_staff`` either."""
    return (user.is_active and bool(getattr(user, "is_staff", False))) or may(user, permission)


def has_staff_rights(user: Visitor) -> bool:
    """Whether ``user`` is of the staff or a superuser, active or not: an account that nobody changes from outside."""
    return bool(getattr(user, "is_staff", False) or getattr(user, "is_superuser", False))
