"""A person with very many notifications among those of others, and how long a part of their inbox takes."""

import time
from typing import Any

from django.db import connection

from hub.users.model import all_users, log_in_field
from notifications.inbox import queries

# Every tenth is the person's.
_FILL = """
    INSERT INTO hub_notifications_notification
        (user_id, level, title, message, url, kind, audience, created_at)
    SELECT CASE WHEN number %% 10 = 0 THEN %(person)s ELSE people.keys[1 + number %% %(others)s] END,
        'info', 'Title ' || number, 'The text of number ' || number, '', '', '',
        now() + (number - %(count)s) * interval '1 millisecond'
    FROM generate_series(1, %(count)s) number, (SELECT %(keys)s::bigint[] AS keys) people
"""


def fill_inbox(count: int) -> dict[str, int]:
    """Store ``count`` notifications, every tenth of them to the first person; PostgreSQL alone."""
    person, *others = all_users().order_by(log_in_field()).values_list("pk", flat=True)[:2000]
    with connection.cursor() as cursor:
        asked: dict[str, Any] = {"person": person, "others": len(others), "keys": others, "count": count}
        cursor.execute(_FILL, asked)
        cursor.execute("VACUUM ANALYZE")
    return {"count": count}


def read_inbox(times: int) -> dict[str, list[float]]:
    """Milliseconds of each reading of the newest twenty, with the counts of the tabs and all positions."""
    person = all_users().order_by(log_in_field())[0]
    took = []
    for _ in range(times):
        began = time.perf_counter()
        part = queries.inbox_for(person, limit=20)
        took.append((time.perf_counter() - began) * 1000)
        if len(part.alerts) != 20:
            raise RuntimeError(f"{len(part.alerts)} of 20 notifications were listed")
    return {"took": took}
