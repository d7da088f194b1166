"""How many people recipients are."""

from collections.abc import Iterable

from django.contrib.auth.models import Group
from django.db.models import QuerySet

from hub.users import all_users, keys_of_members
from notifications.models import Follow, Topic
from notifications.sending.alerting import Found
from notifications.sending.named_audiences import Audience, Listed


def people_of(to: Iterable[Found | Listed]) -> int:
    """How many people these are; who belongs to several counts for each. Counts rows of indexes, or an audience."""
    return sum(map(_people, to))


def _people(one: Found | Listed) -> int:
    match one:
        case None:
            return all_users().count()
        case Listed():
            return len(one.keys)
        case Audience():
            return one.people().values("pk").distinct().count()
        case Group():
            members = keys_of_members(one.pk)
            return members.count() if isinstance(members, QuerySet) else len(tuple(members))
        case Topic():
            return Follow.objects.filter(topic=one).count()
    return 1
