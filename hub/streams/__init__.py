"""The durable log: streams of publications in the database, their retention, and cursors.

``store`` appends, sequences and reads; ``at_once`` appends and numbers in one step. ``sharing`` has data that many
publications share. ``history`` reads pages for clients. ``retention_rule`` says what is retained, and ``retention``
deletes the rest. ``cursors`` turns positions into text.
"""

from hub.streams.at_once import append_at_once, append_with_row, is_one_step
from hub.streams.at_once import is_possible as is_possible_at_once
from hub.streams.cursors import cursor_at, cursor_of
from hub.streams.finding import published
from hub.streams.history import offsets_of, offsets_of_shared
from hub.streams.sql import BATCH, NOTED_EVERY
from hub.streams.store import (
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
    "NOTED_EVERY",
    "SLACK",
    "Envelope",
    "Position",
    "append",
    "append_at_once",
    "append_shared",
    "append_with_row",
    "begin",
    "cursor_at",
    "cursor_of",
    "hold",
    "hold_pending",
    "is_one_step",
    "is_possible_at_once",
    "offsets_of",
    "offsets_of_shared",
    "positions",
    "published",
    "read",
    "renew",
    "sequence",
    "touched",
]
