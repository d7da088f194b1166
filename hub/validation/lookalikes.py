"""Finding names that look like another one among very many: each is remembered by digests of what it looks like."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.db import transaction

from hub.characters import skeletons
from hub.models import NameDigest

#: Rows of one statement.
CHUNK = 500


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one kind.

    Args:
        kind: at most 20 characters.
        everyone: gives the id and the name of each that there is.
    """

    kind: str
    everyone: Callable[[], Iterable[tuple[object, str]]]

    def remember(self, owner: object, name: str) -> None:
        """Know ``owner`` by ``name`` from now on, and by no other; part of the transaction that is open."""
        with transaction.atomic():
            NameDigest.objects.filter(kind=self.kind, owner=str(owner)).exclude(digest__in=_digests(name)).delete()
            NameDigest.objects.bulk_create(self._rows(owner, name), ignore_conflicts=True)

    def forget(self, owner: object) -> None:
        """Know ``owner`` no more."""
        NameDigest.objects.filter(kind=self.kind, owner=str(owner)).delete()

    def owners_like(self, name: str) -> list[str]:
        """The ids, as text, of those whose names look like ``name``; some of them may be gone or renamed by now."""
        found = NameDigest.objects.filter(kind=self.kind)
        if not found.exists():
            self.complete()
        return list(found.filter(digest__in=_digests(name)).values_list("owner", flat=True).distinct())

    def complete(self) -> int:
        """Learn the names that were stored without a signal (``bulk_create()``, SQL, an earlier version of the hub).

        Returns how many were missing. What is gone is forgotten.
        """
        known = set(NameDigest.objects.filter(kind=self.kind).values_list("owner", flat=True))
        rows: list[NameDigest] = []
        missing = 0
        for owner, name in self.everyone():
            if str(owner) in known:
                known.discard(str(owner))
                continue
            missing += 1
            rows += self._rows(owner, name)
            if len(rows) >= CHUNK:
                NameDigest.objects.bulk_create(rows, ignore_conflicts=True)
                rows = []
        NameDigest.objects.bulk_create(rows, ignore_conflicts=True)
        gone = sorted(known)
        for start in range(0, len(gone), CHUNK):
            NameDigest.objects.filter(kind=self.kind, owner__in=gone[start : start + CHUNK]).delete()
        return missing

    def _rows(self, owner: object, name: str) -> list[NameDigest]:
        return [NameDigest(kind=self.kind, owner=str(owner), digest=digest) for digest in _digests(name)]


_registered: dict[str, Names] = {}


def known_names(kind: str, everyone: Callable[[], Iterable[tuple[object, str]]]) -> Names:
    """The :class:`Names` of a kind, which :func:`complete` looks after; called once by the app that owns them."""
    return _registered.setdefault(kind, Names(kind, everyone))


def complete() -> int:
    """:meth:`Names.complete` for all kinds; returns how many names were missing."""
    return sum(kind.complete() for kind in _registered.values())


def _digests(name: str) -> list[str]:
    return [hashlib.blake2b(skeleton.encode(), digest_size=16).hexdigest() for skeleton in skeletons(name)]
