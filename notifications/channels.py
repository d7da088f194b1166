"""The channels alerts travel on."""

from django.contrib.auth.models import AnonymousUser, User

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


def of_groups_of(user_ids: list[int]) -> dict[int, list[str]]:
    """The channels of the groups of each of these users, in one query."""
    found: dict[int, list[str]] = {user_id: [] for user_id in user_ids}
    memberships = User.groups.through.objects.filter(user__in=user_ids).order_by("group").values_list("user", "group")
    for user_id, group_id in memberships:
        found[user_id].append(of_group(group_id))
    return found


def followed_by(user: User | AnonymousUser) -> list[str]:
    """All channels whose alerts are for ``user``, guests included. Reads the user's groups from the database."""
    if not user.is_authenticated:
        return [everyone]
    return [everyone, of_user(user), *of_groups_of([user.pk])[user.pk]]
