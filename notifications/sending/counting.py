"""How many people recipients are."""

from collections.abc import Iterable

from django.contrib.auth.models import Group
from django.db.models import QuerySet

from hub.users import all_users, keys_of_members
from notifications.models import Follow, Topic
from notifications.sending.alerting import Found
from notifications.sending.named_audiences import Audience, Listed


def people_of(to: Iterable[Found | Listed], *, limit: int | None = None) -> int:
    """How many people these are; who belongs to several counts for each. Counts rows of indexes, or an audience.

    With ``limit`` it counts no further than that for each recipient: what is more is ``limit``.
    """
    return sum(_people(one, limit) for one in to)


def _people(one: Found | Listed, limit: int | None) -> int:
    match one:
        case None:
            return all_users().order_by()[:limit].count()
        case Listed():
            return len(one.keys[:limit])
        case Audience():
            return one.people().order_by().values("pk").distinct()[:limit].count()
        case Group():
            members = keys_of_members(one.pk)
            return members.order_by()[:limit].count() if isinstance(members, QuerySet) else len(tuple(members)[:limit])
        case Topic():
            return Follow.objects.filter(topic=one).order_by()[:limit].count()
    return 1
