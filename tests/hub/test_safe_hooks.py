"""What is done after a commit, and may fail."""

import pytest
from django.db import transaction

from hub.database import run_safely_on_commit

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.any_database]


def fail(text: str) -> None:
    raise ValueError(text)


def test_what_fails_after_a_commit_is_logged_and_keeps_nothing_else_from_being_done(
    caplog: pytest.LogCaptureFixture,
) -> None:
    done: list[str] = []
    with transaction.atomic():
        run_safely_on_commit(fail, "it is away")
        run_safely_on_commit(done.append, "the next one")
        assert done == []
    assert done == ["the next one"]
    assert "it is away" in caplog.text


def test_rolled_back_transaction_calls_nothing() -> None:
    done: list[str] = []
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        run_safely_on_commit(done.append, "never")
        raise ZeroDivisionError
    assert done == []
