"""Transactions of the code, told from the one that Django's ``TestCase`` puts around a test."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper


def is_in_transaction(connection: BaseDatabaseWrapper) -> bool:
    """Whether code has a transaction open on ``connection``; that of a ``TestCase`` stands for none."""
    return connection.in_atomic_block and not all(map(_is_of_test, connection.atomic_blocks))


def is_in_test_case(connection: BaseDatabaseWrapper) -> bool:
    """Whether the transaction of a ``TestCase`` is open on ``connection``, perhaps with others in it."""
    return any(map(_is_of_test, connection.atomic_blocks))


def run_on_commit(function: Callable[[], object], *, robust: bool = False) -> None:
    """Django's ``on_commit``, also where a project commits by hand: there it raises outside of a block."""
    is_by_hand = not connection.in_atomic_block and not connection.get_autocommit()
    with transaction.atomic(savepoint=False) if is_by_hand else nullcontext():
        transaction.on_commit(function, robust=robust)


def run_safely_on_commit(function: Callable[..., object], *arguments: Any) -> None:
    """Call ``function`` after the commit of the open transaction; what it raises is logged, and nobody's error.

    Django's ``on_commit(…, robust=True)`` does so too, but raises for a ``partial``, of which it wants the name.
    """

    def call() -> None:
        function(*arguments)

    run_on_commit(call, robust=True)


def outermost_block(connection: BaseDatabaseWrapper) -> tuple[object, str | None]:
    """What tells the transaction that code has open from others: its outermost block, and the savepoint of that one
    within a ``TestCase``. Call it in a transaction only (:func:`is_in_transaction`).
    """
    depth = sum(map(_is_of_test, connection.atomic_blocks))
    return connection.atomic_blocks[depth], connection.savepoint_ids[depth - 1] if depth else None


def _is_of_test(block: Any) -> bool:
    return bool(getattr(block, "_from_testcase", False))  # what Django itself goes by; not public
