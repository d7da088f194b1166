"""The hub's rows: streams and their publications, keys, the heartbeats of its parts, and leases."""

import secrets
from typing import Any

from django.db import models
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hub.fields import NameField


def new_epoch() -> str:
    """A name for one history of a stream: 8 characters, random, so that no two histories share it."""
    return secrets.token_hex(4)


class Stream(models.Model):
    """The history of one durable channel: where it stands, and which history it is.

    A channel has a row from its first publication on. It stays for good: streams that are made share an epoch
    (:func:`hub.streams.begin`), so one that was created again would be taken for the one before.
    """

    channel = NameField(max_length=97, primary_key=True)
    epoch = models.CharField(max_length=8, default=new_epoch)
    head = models.PositiveBigIntegerField(default=0)
    #: When it last grew or got another epoch, or up to ``hub.streams.NOTED_EVERY`` before that.
    updated_at = models.DateTimeField(db_default=Now())
    #: When it got another epoch, if ever.
    renewed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (models.Index(fields=["updated_at"], name="hub_stream_updated"),)

    def __str__(self) -> str:
        return f"{self.channel}@{self.epoch}.{self.head}"


class SharedData(models.Model):
    """JSON text that the publications of many channels share (``hub.streams.sharing``)."""

    data = models.TextField()
    created_at = models.DateTimeField(db_default=Now())
    #: The smallest and the largest id of a publication that has pointed here: they are looked for in between, so that
    #: publications need no index for it.
    first = models.BigIntegerField(null=True)
    last = models.BigIntegerField(null=True)

    def __str__(self) -> str:
        return f"{self.pk}: {self.data[:80]}"


class Publication(models.Model):
    """One item of a channel.

    The row is inserted in the publisher's transaction without an offset; ``hub.streams.sequence`` gives it the next
    one after the commit. It names its channel instead of its stream's key, so that inserting it reads and locks
    nothing else (``docs/decisions/002-offsets-after-commit.md``).
    """

    channel = NameField(max_length=97)
    offset = models.PositiveBigIntegerField(null=True)
    data = models.TextField()
    #: JSON text: which client published it; empty where it was not a client.
    info = models.TextField(default="")
    #: JSON text: its tags (:mod:`hub.validation.tags`); empty where it has none.
    tags = models.TextField(default="")
    created_at = models.DateTimeField(default=timezone.now)
    #: When it got its offset, by the database's clock; within a channel never before that of a smaller offset.
    sequenced_at = models.DateTimeField(null=True)
    #: Where its JSON text is if it shares that with others; ``data`` is empty then. Such a publication has its offset
    #: from the beginning.
    shared = models.ForeignKey(
        SharedData, models.DO_NOTHING, null=True, related_name="+", db_index=False, db_constraint=False
    )

    class Meta:
        constraints = (models.UniqueConstraint(fields=["channel", "offset"], name="hub_publication_offset"),)
        indexes = (
            models.Index(fields=["channel", "id"], condition=models.Q(offset=None), name="hub_publication_pending"),
        )

    def __str__(self) -> str:
        return f"{self.channel}.{self.offset}"


class Heartbeat(models.Model):
    """When a part of the hub (``worker:<host>``, ``beat:<host>``) last showed that it works."""

    part = NameField(max_length=120, primary_key=True)
    beat_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.part


class Lease(models.Model):
    """Who of several processes does what only one may do, such as sending what is due, and until when."""

    name = NameField(max_length=50, primary_key=True)
    holder = models.CharField(max_length=120)
    expires_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.name}: {self.holder}"


class ProcessPresence(models.Model):
    """The people of one web process while Redis is away (``hub.presence.process_rows``)."""

    process = NameField(max_length=32, primary_key=True)
    #: JSON text: channel -> how many guests, and the other people.
    people = models.TextField()
    #: Counts the changes of this row.
    revision = models.PositiveBigIntegerField()
    #: Whether Redis has the people of this process again.
    returned = models.BooleanField(default=False)
    expires_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.process


class Deletion(models.Model):
    """A row was deleted to which others refer without a foreign key of the database (``hub.database.deletions``)."""

    model = models.CharField(max_length=100)
    #: As text: the key of a user is whatever the project's user model has.
    key = models.CharField(max_length=255)
    deleted_at = models.DateTimeField(db_default=Now(), db_index=True)

    def __str__(self) -> str:
        return f"{self.model}:{self.key}"


class PublicationKey(models.Model):
    """An idempotency key that a channel has seen: ``hub.publishing.idempotency`` publishes under it once."""

    channel = NameField(max_length=97)
    key = models.CharField(max_length=200)
    #: The row it was stored as; none for one that was live only. That row may be pruned before the key is.
    publication_id = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(db_default=Now(), db_index=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["channel", "key"], name="hub_publicationkey_once"),)

    def __str__(self) -> str:
        return f"{self.channel}: {self.key}"


class NameDigest(models.Model):
    """What a name looks like (``hub.validation.lookalikes``): two names of a kind that share a digest look alike."""

    #: Of names, such as ``user``.
    kind = models.CharField(max_length=20)
    #: The id of what has the name, as text.
    owner = models.CharField(max_length=64)
    digest = models.CharField(max_length=32)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["kind", "owner", "digest"], name="hub_namedigest_once"),)
        indexes = (models.Index(fields=["kind", "digest"], name="hub_namedigest_look"),)

    def __str__(self) -> str:
        return f"{self.kind} {self.owner}"


class ApiKey(models.Model):
    """A key of the HTTP API: which methods it may call, for which channels. Only its digest is kept.

    ``hub.api.keys`` issues, checks and revokes it.
    """

    name = models.CharField(_("name"), max_length=100, help_text=_("Which program uses it, and for what."))
    #: The first characters of the key, enough to tell it from others, far too few to guess it.
    prefix = models.CharField(_("starts with"), max_length=16)
    #: SHA-256, in hexadecimal. A slow hash would add nothing: a key is 256 random bits, not a password.
    digest = NameField(max_length=64, unique=True)
    methods: Any = models.JSONField(_("methods"), help_text=_("What it may call."))
    channels: Any = models.JSONField(
        _("channels"),
        help_text=_("Which channels it may name, one in a line: everyone, user:42, user:* or * for all."),
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    last_used_at = models.DateTimeField(_("last used at"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True)

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        ordering = ("-created_at", "-pk")

    def __str__(self) -> str:
        return f"{self.prefix}… {self.name}"
