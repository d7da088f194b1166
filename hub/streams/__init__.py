"""The durable log: streams of publications in the database, their retention, and cursors.

``store`` appends, sequences and reads; ``sharing`` has data that many publications share. ``history`` reads pages for
clients. ``retention_rule`` says what is retained, and ``retention`` deletes the rest. ``cursors`` turns positions into
text.
"""

from hub.streams.cursors import cursor_at, cursor_of
from hub.streams.finding import published
from hub.streams.history import offsets_of, offsets_of_shared
from hub.streams.store import (
    BATCH,
    SLACK,
    Envelope,
    Position,
    append,
    append_shared,
    begin,
    hold,
    hold_pending,
    positions,
    read,
    renew,
    sequence,
    touched,
)

__all__ = [
    "BATCH",
    "SLACK",
    "Envelope",
    "Position",
    "append",
    "append_shared",
    "begin",
    "cursor_at",
    "cursor_of",
    "hold",
    "hold_pending",
    "offsets_of",
    "offsets_of_shared",
    "positions",
    "published",
    "read",
    "renew",
    "sequence",
    "touched",
]
