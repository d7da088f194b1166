"""Publishing under an idempotency key: repeated calls with one key have the effect of one call.

A key belongs to its channel. It is remembered in the transaction of what was published under it, for
:data:`REMEMBERED` at least, also when the publication itself is pruned earlier.
"""

from collections.abc import Mapping
from datetime import timedelta
from functools import partial

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from hub.channels import namespace_of
from hub.models import PublicationKey
from hub.publishing.verbs import Data, encode, publish_ephemeral, publish_many

#: Characters of a key.
KEY_LIMIT = 200

#: How long a key is remembered, at least.
REMEMBERED = timedelta(days=7)

#: How often the keys are looked up, where others store some of them at the same time.
ATTEMPTS = 5

#: Keys that one statement forgets.
CHUNK = 500


def publish_once(
    key: str, publications: Mapping[str, Data], *, live: bool = False, tags: Mapping[str, str] | None = None
) -> dict[str, int | None]:
    """Publish to each channel that has not seen ``key``; see :func:`hub.publishing.publish` for what that promises.

    In a channel that has seen it nothing happens, whatever is to be published now. Two calls that run at the same time
    have the effect of one. Channels of live-only namespaces, and with ``live`` all, are sent to after the commit and
    not stored.

    Args:
        key: 1 to :data:`KEY_LIMIT` characters that every database keeps (:func:`hub.validation.text.is_storable`).

    Returns the id of the stored row for each channel, also of one that was stored before; None for what was live only.

    Raises as :func:`hub.publishing.publish`, and ``django.db.Error``; nothing is stored then.
    """
    for attempt in range(ATTEMPTS):
        try:
            with transaction.atomic():
                return _publish_unseen(key, publications, live, tags)
        except IntegrityError:
            # Another one has committed one of these since we looked. It is there at the next look.
            if attempt == ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


def _publish_unseen(
    key: str, publications: Mapping[str, Data], live: bool, tags: Mapping[str, str] | None
) -> dict[str, int | None]:
    seen = PublicationKey.objects.filter(key=key, channel__in=list(publications))
    ids = dict(seen.values_list("channel", "publication_id"))
    # In one order, so that two that store the same at the same time wait for each other and never in a ring.
    new = sorted(publications.keys() - ids.keys())
    stored = [channel for channel in new if not live and namespace_of(channel).durable]
    rows = publish_many(((channel, publications[channel]) for channel in stored), tags=tags)
    ids |= dict.fromkeys(new) | {row.channel: row.pk for row in rows}
    for channel in sorted(set(new) - set(stored)):
        encode(channel, publications[channel], durable=False)  # what cannot be sent is refused before the commit
        transaction.on_commit(partial(publish_ephemeral, channel, publications[channel], tags=tags))
    PublicationKey.objects.bulk_create(
        [PublicationKey(channel=channel, key=key, publication_id=ids[channel]) for channel in new], batch_size=CHUNK
    )
    return ids


def forget_old() -> int:
    """Delete the keys that need not be remembered any more, in chunks; returns how many."""
    deleted = 0
    while True:
        old = PublicationKey.objects.filter(created_at__lt=Now() - REMEMBERED).order_by("created_at")
        ids = list(old.values_list("pk", flat=True)[:CHUNK])
        deleted += PublicationKey.objects.filter(pk__in=ids).delete()[0]
        if len(ids) < CHUNK:
            return deleted
