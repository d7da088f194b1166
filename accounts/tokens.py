"""Access tokens: issue one, find whom it belongs to, revoke it.

A token looks like ``hub_`` and 43 more characters, so that people and secret scanners recognise it. The text itself is
returned once and never stored.
"""

import hashlib
import secrets
from collections.abc import Sequence

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import AccessToken
from hub.control import Recheck, order
from hub.sockets.credentials import Invalid

SCHEME = "hub_"
RANDOM_BYTES = 32
SHOWN_CHARACTERS = len(SCHEME) + 4
#: No token is longer. Checked before hashing, so that nobody makes the hub hash megabytes.
MAX_LENGTH = 128


def issue(user: User, name: str = "") -> str:
    """Store a new token for ``user`` and return its text; this is the only time the text can be had.

    ``name`` says what the token is for, at most 100 characters.
    """
    token = SCHEME + secrets.token_urlsafe(RANDOM_BYTES)
    AccessToken.objects.create(user=user, name=name, prefix=token[:SHOWN_CHARACTERS], digest=_digest(token))
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
    rows = AccessToken.objects.select_related("user").filter(digest__in=digests)
    return {row.digest: _fault_of(row) or row.user for row in rows}


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
        order(*(Recheck(user=owner) for owner in set(valid.values_list("user", flat=True))))
        return valid.update(revoked_at=timezone.now())


def _fault_of(token: AccessToken) -> Invalid | None:
    if token.revoked_at is not None:
        return Invalid.REVOKED
    return None if token.user.is_active else Invalid.INACTIVE


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
