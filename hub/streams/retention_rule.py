"""The retention rule: what a namespace keeps of each channel. Pruning deletes the rest; reading skips it."""

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import BooleanField, ExpressionWrapper, Q
from django.db.models.functions import Now

from hub.channels import Namespace, namespace_of
from hub.config import hub_settings
from hub.models import Publication


@dataclass(frozen=True, slots=True)
class Retention:
    """What is kept of each channel: the newest ``items``, none older than ``days``; 0 sets no limit."""

    items: int
    days: float

    def is_beyond(self, offset: int, head: int) -> bool:
        """Whether ``offset`` is not among the newest, where the channel stands at ``head``."""
        return bool(self.items) and offset <= head - self.items

    @property
    def is_old(self) -> "ExpressionWrapper[Q]":
        """Whether a row of :class:`hub.models.Publication` is older than that, by the database's clock."""
        never = Q(pk__in=[])
        old = Q(created_at__lt=Now() - timedelta(days=self.days)) if self.days else never
        return ExpressionWrapper(old, output_field=BooleanField())


def retention_of(namespace: Namespace) -> Retention:
    """What its app declares, unless ``HUB_RETENTION`` says otherwise."""
    override = hub_settings().retention.get(namespace.name, {})
    return Retention(int(override.get("items", namespace.keep_items)), override.get("days", namespace.keep_days))


def dropped_upto(channel: str, head: int) -> int:
    """The offset up to which ``channel``, which stands at ``head``, need not keep anything, whatever is there still.

    As pruning has it: the oldest part of the history, up to the first publication that is kept. Raises
    ``django.db.Error``.
    """
    retention = retention_of(namespace_of(channel))
    upto = max(head - retention.items, 0) if retention.items else 0
    if not retention.days:
        return upto
    young = Publication.objects.filter(channel=channel, offset__gt=upto, offset__lte=head).exclude(retention.is_old)
    first = young.order_by("offset").values_list("offset", flat=True).first()
    return head if first is None else first - 1


def is_kept(channel: str, offset: int, head: int) -> bool:
    """Whether the publication at ``offset`` is there and ``channel``, which stands at ``head``, keeps it.

    One row of an index. Raises ``django.db.Error``.
    """
    retention = retention_of(namespace_of(channel))
    if retention.is_beyond(offset, head):
        return False
    return Publication.objects.filter(channel=channel, offset=offset).exclude(retention.is_old).exists()
