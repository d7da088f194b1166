"""The durable log: the streams of publications in the database, what is kept of them, and where a client stands.

``store`` appends, sequences and reads; ``history`` reads for people; ``kept`` is the rule and ``retention`` its task.
"""

from hub.streams.store import (
    BATCH,
    SLACK,
    Envelope,
    Position,
    append,
    begin,
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
    "begin",
    "positions",
    "read",
    "renew",
    "sequence",
    "touched",
]
