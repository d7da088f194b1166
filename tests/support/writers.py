"""Tests of what two transactions do to each other that write at the same time."""

import os

import pytest

needs_several_writers = pytest.mark.skipif(
    not os.environ.get("DATABASE_URL", "").startswith("postgres"),
    reason="SQLite has one writer at a time, so nobody waits for another or comes between: run `make test-postgres`",
)
