"""Reads of the notifications app."""

from django.contrib.auth.models import AnonymousUser, Group, User
from django.db.models import Q

from hub import cursors, streams
from notifications import channels
from notifications.models import Notification


def latest_for(user: User | AnonymousUser, limit: int = 50) -> list[Notification]:
    """The newest alerts that are for ``user`` (guests: those to everyone), newest first."""
    mine = Q(user=None, group=None)
    if user.is_authenticated:
        mine |= Q(user=user.pk) | Q(group__in=Group.objects.filter(user=user.pk))
    return list(Notification.objects.filter(mine).order_by("-pk")[:limit])


def cursor_for(user: User | AnonymousUser) -> str:
    """Where the channels of ``user`` stand now. Read it before the list, so that no alert falls between the two."""
    names = channels.followed_by(user)
    positions = streams.positions(names)
    return cursors.join((name, positions[name]) for name in names)
