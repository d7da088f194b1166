"""Namespaces for one test."""

import pytest

from hub.channels import Namespace, namespace


def declare(monkeypatch: pytest.MonkeyPatch, *declared: Namespace) -> None:
    """Register the namespaces until the end of the test, in place of those that have their names."""
    for each in declared:
        monkeypatch.setitem(namespace._namespaces, each.name, each)


def forget_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget at the end of the test what it registers itself."""
    monkeypatch.setattr(namespace, "_namespaces", dict(namespace._namespaces))
