"""A database that refuses some messages."""

from collections.abc import Collection, Mapping
from typing import Any

import pytest

from chat import actions


def refuse(monkeypatch: pytest.MonkeyPatch, errors: Mapping[str, type[Exception]]) -> None:
    """Until the end of the test, storing drafts fails with the error that ``errors`` has for one of their texts."""
    real = actions._store

    def store(drafts: Collection[actions.Draft]) -> Any:
        for draft in drafts:
            if draft.text in errors:
                raise errors[draft.text](draft.text)
        return real(drafts)

    monkeypatch.setattr(actions, "_store", store)
