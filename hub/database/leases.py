"""Leases: which of several processes does what only one may do. Times are the database's own clock.

A lease says who acts, not that nobody else still does: a process that was stopped for longer than its lease may go on
when it wakes. What must not happen twice has to be made so by the rows it changes (``worker.beat.HubEntry.claim``).
"""

from datetime import timedelta

from django.db.models import Q
from django.db.models.functions import Now

from hub.models import Lease


def hold(name: str, holder: str, *, seconds: float) -> bool:
    """Take or renew the lease ``name`` for ``holder``, from now on for ``seconds``.

    Returns whether it has it: False while another one's has not expired. One statement where it is free or ours.
    """
    until = Now() + timedelta(seconds=seconds)
    # An end further ahead than the lease is long was written by a clock that has been set back since.
    free = Q(holder=holder) | Q(expires_at__lte=Now()) | Q(expires_at__gt=Now() + 2 * timedelta(seconds=seconds))
    if Lease.objects.filter(free, name=name).update(holder=holder, expires_at=until):
        return True
    # Made at the first use ever; of several that do so at once the database takes one.
    Lease.objects.bulk_create([Lease(name=name, holder=holder, expires_at=until)], ignore_conflicts=True)
    return Lease.objects.filter(name=name, holder=holder).exists()


def release(name: str, holder: str) -> None:
    """Give the lease back, so that another one need not wait; nothing where ``holder`` has it no longer."""
    Lease.objects.filter(name=name, holder=holder).update(expires_at=Now())
