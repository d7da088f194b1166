"""What every app needs of the database: threads to ask it from, signals of its rows, leases, and deleting old rows.

``threads`` asks from the event loop, and ``batches`` for many at once; ``signals`` listens to rows, and ``changes``
says what they were before; ``deletions`` removes what is left of rows that are gone, and ``pruning`` old rows, in
``turns``. ``heartbeats`` and ``leases`` say which process is there, and which one may do a thing. ``transactions``
says whether code has one open, and ``transaction_notes`` keeps what is noted until its end; ``checks`` and ``routers``
say whether the database serves, and whether routers leave the hub's rows together. ``inserting``, ``by_key`` and
``finding`` store, change and find one row with little work, by statements that ``prepared`` has the database plan
once.
"""

from hub.database.batches import batched
from hub.database.changes import SavedRow, watch
from hub.database.deletions import clean_up
from hub.database.pruning import prune_table
from hub.database.pruning import register as prune_regularly
from hub.database.signals import is_loaded, listen
from hub.database.threads import in_database_thread
from hub.database.transaction_notes import note, noted, run_last_on_commit
from hub.database.transactions import is_in_transaction, run_safely_on_commit

__all__ = [
    "SavedRow",
    "batched",
    "clean_up",
    "in_database_thread",
    "is_in_transaction",
    "is_loaded",
    "listen",
    "note",
    "noted",
    "prune_regularly",
    "prune_table",
    "run_last_on_commit",
    "run_safely_on_commit",
    "watch",
]
