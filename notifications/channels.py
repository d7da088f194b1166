"""The channels alerts travel on."""

from django.contrib.auth.models import AnonymousUser, Group, User

from hub.channels import Namespace, register

EVERYONE = register(Namespace("everyone", single=True))
USER = register(Namespace("user"))
GROUP = register(Namespace("group"))

everyone = EVERYONE.name


def of_user(user: User) -> str:
    """The channel of one person: all their tabs."""
    return f"{USER.name}:{user.pk}"


def of_group(group_id: object) -> str:
    """The channel of the members of a Django auth group."""
    return f"{GROUP.name}:{group_id}"


def followed_by(user: User | AnonymousUser) -> list[str]:
    """All channels whose alerts are for ``user``, guests included. Reads the user's groups from the database."""
    if not user.is_authenticated:
        return [everyone]
    groups = Group.objects.filter(user=user).order_by("pk").values_list("pk", flat=True)
    return [everyone, of_user(user), *map(of_group, groups)]
