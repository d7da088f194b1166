"""The keys of alerts, by which nobody has one twice: who gives them to people waits for each other.

No constraint spans an alert of one's own and an entry of a distribution, or two distributions. SQLite has one writer
at a time anyway; on PostgreSQL the locks here are advisory ones, and end with the transaction.
"""

from collections.abc import Collection, Iterable
from itertools import groupby

from django.db import connection

#: The keys of an array, in its order.
_HOLD = """
SELECT pg_advisory_xact_lock{how}(hashtext('hub_notifications.key'), hashtext(named))
FROM unnest(%s::text[]) AS named
"""


def hold_alone(key: str) -> None:
    """Wait until nobody else has the key, and have it alone until the open transaction ends."""
    _hold("", [key])


def hold(keys: Iterable[str], *, alone: Collection[str] = ()) -> None:
    """Have the keys until the open transaction ends, together with others who do so: constraints are between them.

    Those in ``alone`` as :func:`hold_alone`. All are taken in one order, whoever takes them.
    """
    for is_alone, together in groupby(sorted(keys), key=lambda key: key in alone):
        _hold("" if is_alone else "_shared", list(together))


def _hold(how: str, keys: list[str]) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(_HOLD.format(how=how), [keys])
