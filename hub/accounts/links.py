"""Links that log somebody in to the hub's own pages, once: a product gives one to a person whom it knows.

The text of a link is returned once and never stored. Which page it leads to is stored with it and is no part of it, so
that nobody can change where it goes.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from hub.accounts.models import LogInLink
from hub.logs import get_logger
from hub.users import User

log = get_logger(__name__)

RANDOM_BYTES = 32

#: Seconds for which a link is good: it is made when somebody is about to follow it.
SHORTEST, LONGEST, USUAL = 10, 600, 60

#: Characters of the page that a link leads to.
PAGE_LIMIT = 500

#: How long it is known what became of a link.
RETENTION = timedelta(days=1)

_TOKEN = re.compile(r"[A-Za-z0-9_\-]{43}", re.ASCII)


class NotForLinks(ValueError):
    """No link logs this person in: their account is not active, or it is one of the staff."""


class Unusable(ValueError):
    """A link logs nobody in. The text says why, for the log."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What a link is good for.

    Args:
        user: whom it logs in.
        page: where it leads: a path of the hub; empty for the first page.
    """

    user: User
    page: str


def is_page(page: str) -> bool:
    """Whether a link may lead there: a path of this host, with a query or without."""
    return (
        page.startswith("/")
        and len(page) <= PAGE_LIMIT
        and page.isprintable()
        and url_has_allowed_host_and_scheme(page, allowed_hosts=None)
    )


def issue(user: User, *, page: str = "", seconds: int = USUAL) -> str:
    """Store a link for ``user`` and return its token; this is the only time the text can be had.

    ``page`` is empty, or :func:`is_page`.

    Raises:
        NotForLinks: whoever has an API key, or a link of somebody else's in a log, must not become an administrator.
    """
    if not _may_use(user):
        raise NotForLinks
    token = secrets.token_urlsafe(RANDOM_BYTES)
    LogInLink.objects.create(
        user=user, digest=_digest(token), page=page, expires_at=timezone.now() + timedelta(seconds=seconds)
    )
    log.info("log_in_link_issued", user=user.pk)
    return token


def use(token: str, visitor: object = None) -> Entry:
    """Use up a link: of several who bring it at the same time, one is logged in.

    Whoever it has logged in, which is ``visitor`` then, may load its page again.

    Raises:
        Unusable: it is unknown, used or over, or its owner may not come in any more.
    """
    if not _TOKEN.fullmatch(token):
        raise Unusable("it is not of the form of one")
    row = LogInLink.objects.select_related("user").filter(digest=_digest(token)).first()
    if row is None:
        raise Unusable("unknown")
    if row.expires_at <= timezone.now():
        raise Unusable("over")
    if not _may_use(row.user):
        raise Unusable("of an account that is not active, or of the staff")
    now = timezone.now()
    unused = LogInLink.objects.filter(pk=row.pk, used_at=None, expires_at__gt=now)  # `end` may have been faster
    if not unused.update(used_at=now) and visitor != row.user:
        raise Unusable("used")
    return Entry(row.user, row.page)


def end(user: User) -> None:
    """Have no link that nobody has followed yet log ``user`` in any more."""
    now = timezone.now()
    LogInLink.objects.filter(user=user, used_at=None, expires_at__gt=now).update(expires_at=now)


def prune() -> int:
    """Delete the links that were over a day ago; returns how many."""
    return LogInLink.objects.filter(expires_at__lt=timezone.now() - RETENTION).delete()[0]


def _may_use(user: User) -> bool:
    is_staff = getattr(user, "is_staff", False) or getattr(user, "is_superuser", False)
    return bool(user.is_active) and not is_staff


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
