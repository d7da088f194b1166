"""API keys: issue one, find what it may do, revoke it.

A key looks like ``hubkey_`` and 43 more characters, so that people and secret scanners recognise it. The text itself
is returned once and never stored.
"""

import hashlib
import re
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.db import Error as DatabaseFault
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hub import limits
from hub.access.authorization import NotValid, key_of
from hub.api.errors import ApiError, Code
from hub.api.scope import Scope
from hub.database.threads import in_database_thread
from hub.limits import TooMany
from hub.limits.connections import counted_host
from hub.limits.tallies import Tally
from hub.logs import get_logger
from hub.models import ApiKey

log = get_logger(__name__)

SCHEME = "hubkey_"
RANDOM_BYTES = 32
SHOWN_CHARACTERS = len(SCHEME) + 4

_KEY = re.compile(rf"{SCHEME}[A-Za-z0-9_\-]{{43}}", re.ASCII)

#: Counted by address: who tries keys is slowed down, and fills neither the log nor the database's time.
BAD_KEYS = limits.declare(
    "bad_api_keys", setting="limit_bad_api_keys", sentence=_("Too many API keys from here were not valid.")
)

#: Counted by key. Off by default: a key is a backend of the operator's own, and backends call in bursts.
CALLS = limits.declare("api_calls", setting="limit_api_calls", sentence=_("This API key was used very often."))
_called = Tally(CALLS)

#: Seconds for which a process goes on with what it has read: a revoked key is refused after that everywhere.
TRUSTED = 2.0

#: Keys that a process remembers for that long.
REMEMBERED = 1000

#: How often the time of the last use is written, at most.
USE_INTERVAL = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the key's number, for the log, and what it may do."""

    pk: int
    scope: Scope

    def require(self, method: str) -> None:
        """Raise ``ApiError`` where the key is not for ``method``."""
        if not self.scope.has_method(method):
            raise ApiError(Code.PERMISSION_DENIED, f"the key is not for the method {method}")

    async def count(self) -> None:
        """Count one call. Raise ``ApiError`` where that is more than ``HUB_LIMIT_API_CALLS`` allows."""
        try:
            await _called.atake(self.pk)
        except TooMany as refusal:
            raise ApiError(Code.TOO_MANY_REQUESTS, refusal.sentence, retry_after=refusal.retry_after) from None


def issue(name: str, scope: Scope) -> tuple[ApiKey, str]:
    """Store a new key and return its row and its text; this is the only time the text can be had.

    ``name`` says which program uses it, at most 100 characters.
    """
    row = ApiKey(name=name)
    return row, store(row, scope)


def store(row: ApiKey, scope: Scope) -> str:
    """Store ``row`` as a new key and return its text; see :func:`issue`."""
    text = SCHEME + secrets.token_urlsafe(RANDOM_BYTES)
    row.prefix, row.digest = text[:SHOWN_CHARACTERS], _digest(text)
    row.methods, row.channels = sorted(scope.methods), list(scope.channels)
    row.save()
    log.info("api_key_issued", key=row.pk, prefix=row.prefix)
    return text


def revoke(keys: QuerySet[ApiKey]) -> int:
    """End these keys for good; return how many were still valid. Web processes refuse them within 2 s."""
    valid = sorted(keys.filter(revoked_at=None).values_list("pk", flat=True))
    count = ApiKey.objects.filter(pk__in=valid, revoked_at=None).update(revoked_at=timezone.now())
    if count:
        log.info("api_keys_revoked", keys=valid)
    return count


#: What was found, and until when it is trusted, by digest. Only keys that exist: who guesses does not fill it.
_trusted: dict[str, tuple[float, Caller]] = {}


async def caller_for(headers: Iterable[tuple[bytes, bytes]], address: str) -> Caller:
    """Who calls with the key in ``headers``, from ``address``.

    Asks the database once in :data:`TRUSTED` seconds, and never for text that cannot be a key. The lookup is by
    digest, so how long it takes says nothing about the keys that exist.

    Raises:
        NotValid: the key is unknown, revoked or no key at all.
        TooMany: too many such keys came from this address; this one, which the process does not know, was not looked
            at. Programs whose key it knows are not held up by another one at the same address.
        django.db.Error: the database cannot be asked.
    """
    counted = counted_host(address)
    try:
        return await _caller(key_of(headers), counted)
    except NotValid:
        if counted is not None:
            await in_database_thread(limits.take, BAD_KEYS, counted)
        raise


async def _caller(text: str, counted: str | None) -> Caller:
    if not _KEY.fullmatch(text):
        raise NotValid("it is not of the form of one" if text else "none was sent")
    digest, now = _digest(text), time.monotonic()
    until, caller = _trusted.get(digest, (0.0, None))
    if caller is not None and now < until:
        return caller
    if caller is None and counted is not None:
        await in_database_thread(limits.look, BAD_KEYS, counted)
    try:
        caller = await in_database_thread(_load, digest)
    except NotValid:
        _trusted.pop(digest, None)
        raise
    if len(_trusted) >= REMEMBERED:
        _trusted.clear()
    _trusted[digest] = (now + TRUSTED, caller)
    return caller


def forget() -> None:
    """Forget all cached keys and counts: for tests."""
    _trusted.clear()
    _called.forget()


def _load(digest: str) -> Caller:
    row = ApiKey.objects.filter(digest=digest).first()
    if row is None or row.revoked_at is not None:
        raise NotValid("unknown" if row is None else f"revoked, {row.prefix}…")
    if row.last_used_at is None or row.last_used_at < timezone.now() - USE_INTERVAL:
        _note_use(row.pk)
    return Caller(row.pk, Scope(frozenset(row.methods), tuple(row.channels)))


def _note_use(pk: int) -> None:
    unknown = Q(last_used_at=None) | Q(last_used_at__lt=Now() - USE_INTERVAL)
    try:
        ApiKey.objects.filter(unknown, pk=pk).update(last_used_at=Now())
    except DatabaseFault as error:
        # A database that can be read but not written must not refuse the calls that only read.
        log.warning("api_key_use_not_noted", key=pk, error=type(error).__name__)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
