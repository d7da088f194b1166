"""The channels alerts travel on, and whose they are."""

from collections.abc import Iterable

from django.contrib.auth.models import AnonymousUser, User

from hub.batching import CONNECT_PAUSE, Batcher
from hub.channels import Namespace, anyone, at_once, register
from hub.threads import in_database_thread

Visitor = User | AnonymousUser


@at_once
def _is_oneself(user: Visitor, id: int) -> bool:  # noqa: A002  # as the pattern names it
    return user.pk == id


def _is_member(user: Visitor, id: int) -> bool:  # noqa: A002  # as the pattern names it
    return user.pk is not None and User.groups.through.objects.filter(user=user.pk, group=id).exists()


EVERYONE = register(Namespace("everyone", single=True, can_subscribe=anyone))
USER = register(Namespace("user", pattern="<int:id>", can_subscribe=_is_oneself))
GROUP = register(Namespace("group", pattern="<int:id>", can_subscribe=_is_member))

everyone = EVERYONE.name


def of_user(user: Visitor) -> str:
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


async def _of_groups_of(user_ids: list[int]) -> dict[int, list[str]]:
    return await in_database_thread(of_groups_of, user_ids)


#: Those who connect at the same time are looked up together.
groups_of = Batcher(_of_groups_of, pause=CONNECT_PAUSE)


async def personal(user: Visitor) -> Iterable[str]:
    """:func:`followed_by` for clients that connect."""
    if user.pk is None:
        return [everyone]
    return [everyone, of_user(user), *await groups_of.get(user.pk)]


def followed_by(user: Visitor) -> list[str]:
    """All channels whose alerts are for ``user``, guests included. Reads the user's groups from the database."""
    if not user.is_authenticated:
        return [everyone]
    return [everyone, of_user(user), *of_groups_of([user.pk])[user.pk]]
