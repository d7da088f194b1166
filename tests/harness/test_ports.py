"""Ports for servers that tests start."""

import secrets

import pytest

from lab.harness.environment import free_port


def test_port_is_given_once_although_nothing_listens_there_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    first, draw = free_port(), secrets.randbelow
    drawn = iter([first - 20_000])
    monkeypatch.setattr(secrets, "randbelow", lambda limit: next(drawn, draw(limit)))
    assert free_port() != first
    assert next(drawn, None) is None, "it was drawn again"
