"""Access tokens: issue one, find whom it belongs to, revoke it.

A token looks like ``hub_`` and 43 more characters, so that people and secret scanners recognise it. The text itself is
returned once and never stored.
"""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import Error as DatabaseFault
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from hub.access import Invalid, revalidate
from hub.accounts.models import AccessToken
from hub.logs import get_logger
from hub.users import User

log = get_logger(__name__)

SCHEME = "hub_"
RANDOM_BYTES = 32
SHOWN_CHARACTERS = len(SCHEME) + 4
#: No token is longer. Checked before hashing, so that nobody makes the hub hash megabytes.
MAX_LENGTH = 128

#: How long it is known that a token was there.
RETENTION = timedelta(days=365)

#: How often the time of the last use is written, at most.
USE_INTERVAL = timedelta(minutes=1)


def issue(user: User, name: str = "", *, expires_at: datetime | None = None) -> str:
    """Store a new token for ``user`` and return its text; this is the only time the text can be had.

    ``name`` says what the token is for, at most 100 characters. Without ``expires_at`` it ends only when somebody
    revokes it, or when the password changes.
    """
    token = SCHEME + secrets.token_urlsafe(RANDOM_BYTES)
    row = AccessToken.objects.create(
        user=user, name=name, expires_at=expires_at, prefix=token[:SHOWN_CHARACTERS], digest=_digest(token)
    )
    log.info("token_issued", user=user.pk, token_id=row.pk)
    return token


def digest_of(token: str) -> str | None:
    """What is stored of a token, by which :func:`find` finds it; None for what cannot be a token."""
    if len(token) > MAX_LENGTH or not token.isascii() or not token.startswith(SCHEME):
        return None
    return _digest(token)


def find(digests: Sequence[str]) -> dict[str, User | Invalid]:
    """The active people that tokens with these digests speak for, or why they do not, by digest. One query.

    Unknown ones are left out. The lookup is by digest, so how long it takes says nothing about the tokens that exist.
    """
    rows = list(AccessToken.objects.select_related("user").filter(digest__in=digests))
    found = {row.digest: _fault_of(row) or row.user for row in rows}
    _note_use([row for row in rows if isinstance(found[row.digest], User)])
    return found


def user_for(token: str) -> User | None:
    """The active person a token speaks for, or ``None`` if it is unknown, revoked or not a token at all.

    Never raises for any text, and asks the database once at most.
    """
    digest = digest_of(token)
    found = find([digest]).get(digest) if digest else None
    return None if isinstance(found, Invalid) else found


def revoke(tokens: QuerySet[AccessToken]) -> int:
    """End these tokens now, for good; return how many were still valid. Tokens that had ended keep their date.

    Sockets that were opened with one of them are closed.
    """
    valid = tokens.filter(revoked_at=None)
    with transaction.atomic():
        owners = sorted(set(valid.order_by().values_list("user", flat=True)))
        revalidate(users=owners)
        count = valid.update(revoked_at=timezone.now())
    if count:
        log.info("tokens_revoked", users=owners, count=count)
    return count


def prune() -> int:
    """Delete the tokens that were revoked or over :data:`RETENTION` ago; returns how many."""
    long_ago = timezone.now() - RETENTION
    return AccessToken.objects.filter(Q(revoked_at__lt=long_ago) | Q(expires_at__lt=long_ago)).delete()[0]


def valid_for(user: User) -> QuerySet[AccessToken]:
    """The tokens of ``user`` that are neither revoked nor over, the newest first."""
    ended = Q(expires_at__lte=timezone.now())
    return AccessToken.objects.filter(user=user, revoked_at=None).exclude(ended)


def has_ended(token: AccessToken) -> bool:
    """Whether it was revoked or is over."""
    return _end_of(token) is not None


def _end_of(token: AccessToken) -> Invalid | None:
    if token.revoked_at is not None:
        return Invalid.REVOKED
    is_over = token.expires_at is not None and token.expires_at <= timezone.now()
    return Invalid.EXPIRED if is_over else None


def _fault_of(token: AccessToken) -> Invalid | None:
    return _end_of(token) or (None if token.user.is_active else Invalid.INACTIVE)


def _note_use(rows: Sequence[AccessToken]) -> None:
    """Write that these tokens are in use, where that was a while ago: one statement for all of them."""
    before = timezone.now() - USE_INTERVAL
    unknown = [row.pk for row in rows if row.last_used_at is None or row.last_used_at < before]
    if unknown:
        try:
            AccessToken.objects.filter(pk__in=unknown).update(last_used_at=timezone.now())
        except DatabaseFault as error:
            # A database that can be read but not written must keep nobody out.
            log.warning("token_use_not_noted", error=type(error).__name__)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
