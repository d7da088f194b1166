"""The channels about which a person may choose: those that they share with others, and those that they muted and
left.
"""

from collections.abc import Iterable

from django.contrib.auth.models import Group
from django.utils.translation import gettext as _

from hub.users import User, groups_of
from notifications import channels
from notifications.models import Topic
from notifications.preferences.subjects import Choices, is_on

_Named = list[tuple[str, str]]


def of(user: User) -> _Named:
    """Those that the person is in, by name, each with what people call it. Two queries."""
    groups = Group.objects.filter(pk__in=groups_of(user.pk)).order_by("name").values_list("pk", "name")
    topics = Topic.objects.filter(follows__user=user).values_list("name", "title")
    return [
        (channels.everyone, _("To everyone")),
        *((channels.of_group(pk), name) for pk, name in groups),
        *((channels.of_topic(name), title) for name, title in topics),
    ]


def left(user: User, live: Choices) -> _Named:
    """Those that the person has muted (``live``) and is not in any more, as :func:`of`.

    They would be as silent as before for who comes back, and nobody could see why. Those that are deleted are left
    out. No query where nothing is muted.
    """
    muted = {subject for subject in live if subject.startswith(_SHARED) and not is_on(live, [subject])}
    if not muted:
        return []
    muted -= {channel for channel, _label in of(user)}
    groups = Group.objects.filter(pk__in=_ids(muted, "group")).order_by("name").values_list("pk", "name")
    # Of a closed topic nobody learns the title who is not on it.
    topics = Topic.objects.filter(name__in=_ids(muted, "topic"), is_open=True).values_list("name", "title")
    return [
        *((channels.of_group(pk), name) for pk, name in groups),
        *((channels.of_topic(name), title) for name, title in topics),
    ]


def _ids(muted: Iterable[str], namespace: str) -> list[str]:
    return [subject.partition(":")[2] for subject in muted if subject.startswith(f"{namespace}:")]


#: How the names of channels begin that people join and leave.
_SHARED = ("group:", "topic:")
