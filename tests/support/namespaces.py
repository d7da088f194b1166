"""Namespaces for one test."""

import pytest

from hub.channels import Namespace, namespace, register

#: The names of those that are there for all tests of a process once one of them has been collected.
OF_TESTS = set[str]()


def declare_for_all(declared: Namespace) -> None:
    """Register the namespace for all tests of this process; what is asked of the hub's own leaves it out."""
    OF_TESTS.add(register(declared).name)


def declare(monkeypatch: pytest.MonkeyPatch, *declared: Namespace) -> None:
    """Register the namespaces until the end of the test, in place of those that have their names."""
    for each in declared:
        monkeypatch.setitem(namespace._namespaces, each.name, each)


def forget_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget at the end of the test what it registers itself."""
    monkeypatch.setattr(namespace, "_namespaces", dict(namespace._namespaces))
