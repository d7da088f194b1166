"""What every app needs of the database: threads to ask it from, signals of its rows, leases, and deleting old rows.

``threads`` asks from the event loop, and ``batches`` for many at once; ``signals`` listens to rows; ``deletions``
removes what is left of rows that are gone, and ``pruning`` rows that are old. ``heartbeats`` and ``leases`` say which
process is there, and which one may do a thing. ``transactions`` says whether code has one open; ``checks``
and ``routers`` say whether the database serves, and whether routers leave the hub's rows together.
"""

from hub.database.batches import batched
from hub.database.deletions import clean_up
from hub.database.pruning import prune_table
from hub.database.pruning import register as prune_regularly
from hub.database.signals import listen
from hub.database.threads import in_database_thread
from hub.database.transactions import is_in_transaction

__all__ = [
    "batched",
    "clean_up",
    "in_database_thread",
    "is_in_transaction",
    "listen",
    "prune_regularly",
    "prune_table",
]
