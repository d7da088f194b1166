"""A worker that is stopped does not wait for the hub's own long work: what is left is the next call's."""

import gc
import multiprocessing
from collections.abc import Iterator

import pytest
from celery import signals

from hub.database import pruning
from worker import stopping


@pytest.fixture
def told() -> Iterator[None]:
    """The worker of this process is told to stop."""
    signals.worker_shutting_down.send(sender="worker@alpha", sig="SIGTERM", how="Warm", exitcode=0)
    yield
    stopping._told[0] = 0


def test_children_of_a_worker_hear_that_it_is_to_stop() -> None:
    context = multiprocessing.get_context("fork")
    asked, answers = context.Event(), context.Queue()

    def child() -> None:
        asked.wait(30)
        answers.put(stopping.is_stopping())

    process = context.Process(target=child)
    process.start()
    assert not stopping.is_stopping()
    stopping._tell()
    try:
        asked.set()
        assert answers.get(timeout=30)
    finally:
        stopping._told[0] = 0
        process.join(30)


@pytest.mark.usefixtures("told")
def test_what_prunes_ends_after_the_statement_at_hand() -> None:
    assert pruning.prune(iter([3, 4, 5]), "alert", seconds=60) == 3


def test_what_prunes_goes_on_until_then() -> None:
    assert pruning.prune(iter([3, 4, 5]), "alert", seconds=60) == 12


def test_worker_that_has_stopped_is_not_looked_through_for_garbage(monkeypatch: pytest.MonkeyPatch) -> None:
    # Not in truth: all tests that this process has collected would be looked through again once that is undone.
    frozen: list[bool] = []
    monkeypatch.setattr(gc, "freeze", lambda: frozen.append(True))
    signals.worker_shutdown.send(sender="worker@alpha")
    assert frozen
