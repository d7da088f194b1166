"""What a web process says at its start of tables that are missing (``tests/package`` starts one)."""

import threading
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError
from django.db.migrations.exceptions import InconsistentMigrationHistory, NodeNotFoundError
from django.db.migrations.recorder import MigrationRecorder

from hub.server import unmigrated


def said(capsys: pytest.CaptureFixture[str]) -> str:
    """What it says; an error in its thread fails the test."""
    unmigrated.say_what_is_missing()
    for thread in threading.enumerate():
        if thread.name == "unmigrated":
            thread.join(30)
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (InterfaceError("connection already closed"), ""),
        (OperationalError("no such host"), ""),
        (InconsistentMigrationHistory("A is before B."), "Migrations do not fit together: A is before B."),
        (NodeNotFoundError("there is no C.", ("shop", "0002")), "Migrations do not fit together: there is no C."),
    ],
)
def test_what_cannot_be_read_is_no_traceback(
    error: Exception, sentence: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def executor(connection: Any) -> Any:
        raise error

    monkeypatch.setattr(unmigrated, "MigrationExecutor", executor)
    printed = said(capsys)
    assert printed.startswith(sentence) and bool(printed) == bool(sentence)
    assert "Traceback" not in printed


@pytest.mark.django_db(transaction=True)
def test_history_that_does_not_fit_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys) == ""
    before = MigrationRecorder.Migration.objects.get(app="contenttypes", name="0001_initial")
    before.delete()
    try:
        assert "is applied before its dependency contenttypes.0001_initial" in said(capsys)
    finally:
        before.save(force_insert=True)
