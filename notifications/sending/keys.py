"""The keys of alerts, by which nobody has one twice: who gives them to people waits for each other.

No constraint spans an alert of one's own and an entry of a distribution, or two distributions. SQLite has one writer
at a time anyway; on PostgreSQL the locks here are advisory ones, and end with the transaction.
"""

from collections.abc import Collection, Iterable

from django.db import connection

_HOLD = "SELECT pg_advisory_xact_lock{how}(hashtext('hub_notifications.key'), hashtext(%s))"


def hold_alone(key: str) -> None:
    """Wait until nobody else has the key, and have it alone until the open transaction ends."""
    _hold("", key)


def hold(keys: Iterable[str], *, alone: Collection[str] = ()) -> None:
    """Have the keys until the open transaction ends, together with others who do so: constraints are between them.

    Those in ``alone`` as :func:`hold_alone`. All are taken in one order, whoever takes them.
    """
    for key in sorted(keys):
        _hold("" if key in alone else "_shared", key)


def _hold(how: str, key: str) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(_HOLD.format(how=how), [key])
