"""What lists need to know of those who join later: who was in a group when an alert was sent to it, as one number, and
whether the past is for later people too.
"""

from collections.abc import Iterable

from django.contrib.auth.models import Group
from django.db.models import OuterRef, Subquery

from hub.users import memberships
from notifications.kinds.declaring import kind_named
from notifications.models import Notification


def note(rows: Iterable[Notification]) -> None:
    """Give the alerts among these, which are about to be stored, their ``members_upto`` and ``past``.

    One query, none where no row is to a group, or where memberships have no number that grows.
    """
    rows = list(rows)
    for row in rows:
        kind = kind_named(row.kind) if row.kind and row.user_id is None and not row.audience else None
        row.past = kind is not None and kind.past
    of_groups = [row for row in rows if row.group_id is not None]
    table = memberships()
    if not of_groups or table is None or not table.number_column:
        return
    newest = table.rows._default_manager.order_by("-pk").values("pk")[:1]
    # When the newest member leaves, that number falls, and that of an alert must not: it is searched for in its order.
    noted = Notification.objects.filter(group=OuterRef("pk"), members_upto__isnull=False).order_by("-members_upto")
    found = Group.objects.filter(pk__in={row.group_id for row in of_groups}).values_list(
        "pk", Subquery(newest), Subquery(noted.values("members_upto")[:1])
    )
    numbers = {pk: max(now or 0, before or 0) for pk, now, before in found}
    for row in of_groups:
        row.members_upto = numbers.get(row.group_id)
