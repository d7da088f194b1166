"""Alerts of one kind and ``group_by``, such as those of one conversation, that a person has muted."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from django.db.models import Max, Q, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from hub.users import User
from notifications.bundle_names import BUNDLE, bundle_of, of_bundle, public_name
from notifications.kinds import wording
from notifications.kinds.declaring import kind_named
from notifications.models import Choice, Notification
from notifications.preferences import subjects
from notifications.preferences.methods import LIVE
from notifications.preferences.subjects import Choices

#: How many a person can have muted. Of more, those go that were muted first.
LIMIT = 200

#: Characters of a label.
LABEL_LIMIT = 120


class MutedBundle(NamedTuple):
    """What is muted, by its public name; ``until`` is None where it has no end."""

    bundle: str
    label: str
    until: datetime | None


def of(user: User, live: Choices) -> list[MutedBundle]:
    """What the person has muted now, by label; ``live`` are their choices of what interrupts them.

    No query where that is nothing.
    """
    muted = [name for name in live if name.startswith(BUNDLE) and not subjects.is_on(live, [name])]
    if not muted:
        return []
    labels = _labels(user, muted)
    found = [
        MutedBundle(public_name(*bundle_of(name)), labels[name], subjects.off_until(live, [name])) for name in muted
    ]
    return sorted(found, key=lambda one: (one.label.casefold(), one.bundle))


def of_alerts(user: User, alerts: Collection[int]) -> dict[int, str]:
    """How choices name what each of these alerts is of, by its id; one query, none where that are none.

    Left out is what is not theirs, has no ``group_by`` or is critical: that cannot be muted as a whole.
    """
    if not alerts:
        return {}
    rows = Notification.objects.filter(pk__in=alerts, user=user).exclude(bundle_by="")
    found = dict[int, str]()
    for pk, name, bundle_by in rows.values_list("pk", "kind", "bundle_by"):
        kind = kind_named(name)
        if kind is None or not kind.critical:
            found[pk] = of_bundle(name, bundle_by)
    return found


def by_public_name(user: User) -> dict[str, str]:
    """How choices name what the person has muted, also what has ended since, by what clients know it by. One query."""
    chosen = _chosen_by(user).values_list("subject", flat=True)
    return {public_name(*bundle_of(subject)): subject for subject in chosen}


def tidy(user: User) -> None:
    """Delete what is over, and the oldest of what is too much."""
    chosen = _chosen_by(user)
    chosen.filter(is_on=None, off_until__lte=Now()).delete()
    newest_first = chosen.order_by("-pk").values_list("pk", flat=True)
    for too_old in newest_first[LIMIT : LIMIT + 1]:
        chosen.filter(pk__lte=too_old).delete()


def _chosen_by(user: User) -> QuerySet[Choice]:
    return Choice.objects.filter(user=user, method=LIVE.name, subject__startswith=BUNDLE)


def _labels(user: User, muted: Collection[str]) -> dict[str, str]:
    """What the newest alert of each says that the person has and that has not expired; else the name of its kind.

    Two queries.
    """
    wanted = {subject: bundle_of(subject) for subject in muted}
    kinds, texts = ({*parts} for parts in zip(*wanted.values(), strict=True))
    current = Q(expires_at=None) | Q(expires_at__gt=Now())
    theirs = Notification.objects.filter(current, user=user, kind__in=kinds, bundle_by__in=texts, folded=False)
    newest = theirs.exclude(bundle_by="").order_by().values("kind", "bundle_by").annotate(newest=Max("pk"))
    rows = list(Notification.objects.filter(pk__in=[row["newest"] for row in newest]))
    wording.localise(rows, user.pk)
    by_line = {(row.kind, row.bundle_by): row for row in rows}
    return {subject: _label(line[0], by_line.get(line)) for subject, line in wanted.items()}


def _label(name: str, newest: Notification | None) -> str:
    if newest is not None:
        said = newest.title or newest.message
        return said if len(said) <= LABEL_LIMIT else f"{said[: LABEL_LIMIT - 1]}…"
    kind = kind_named(name)
    return _("Earlier notifications") if kind is None else str(kind.label)
