"""The hub's rows: streams and their publications, the signs of life of its parts, and who of several acts."""

import secrets

from django.db import models
from django.db.models.functions import Now
from django.utils import timezone


def new_epoch() -> str:
    """A name for one history of a stream: 8 characters, random, so that no two histories share it."""
    return secrets.token_hex(4)


class Stream(models.Model):
    """The history of one durable channel: where it stands, and which history it is."""

    channel = models.CharField(max_length=97, primary_key=True)
    epoch = models.CharField(max_length=8, default=new_epoch)
    head = models.PositiveBigIntegerField(default=0)
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = (models.Index(fields=["updated_at"], name="hub_stream_updated"),)

    def __str__(self) -> str:
        return f"{self.channel}@{self.epoch}.{self.head}"


class Publication(models.Model):
    """One item of a channel.

    The row is inserted in the publisher's transaction without an offset; ``hub.streams.sequence`` gives it the next
    one after the commit. It names its channel instead of its stream's key, so that inserting it reads and locks
    nothing else (``docs/decisions/002-offsets-after-commit.md``).
    """

    channel = models.CharField(max_length=97)
    offset = models.PositiveBigIntegerField(null=True)
    data = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["channel", "offset"], name="hub_publication_offset"),)
        indexes = (
            models.Index(fields=["channel", "id"], condition=models.Q(offset=None), name="hub_publication_pending"),
        )

    def __str__(self) -> str:
        return f"{self.channel}.{self.offset}"


class Heartbeat(models.Model):
    """When a part of the hub (``worker:<host>``, ``beat:<host>``) last showed that it works."""

    part = models.CharField(max_length=120, primary_key=True)
    beat_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.part


class Lease(models.Model):
    """Who of several processes does what only one may do, such as sending what is due, and until when."""

    name = models.CharField(max_length=50, primary_key=True)
    holder = models.CharField(max_length=120)
    expires_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.name}: {self.holder}"
