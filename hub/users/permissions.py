"""What a person may do, as Django's authentication backends say."""

from hub.users.model import Visitor


def is_staff_or_may(user: Visitor, permission: str) -> bool:
    """Whether ``user`` is of the staff, or an authentication backend grants ``permission`` (``app_label.codename``).

    A user model may have neither ``is_staff`` nor permissions: then nobody is and nobody may. May ask the database.
    """
    if not user.is_active:
        return False
    has_permission = getattr(user, "has_perm", None)
    return bool(getattr(user, "is_staff", False)) or (has_permission is not None and bool(has_permission(permission)))


def has_staff_rights(user: Visitor) -> bool:
    """Whether ``user`` is of the staff or a superuser, active or not: an account that nobody changes from outside."""
    return bool(getattr(user, "is_staff", False) or getattr(user, "is_superuser", False))
