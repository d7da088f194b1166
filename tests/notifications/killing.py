"""A process that is killed before or after one of the things that it does."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest


class Killed(BaseException):
    """What ends a process in the middle."""


@contextmanager
def killed_at(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, when: str, *, nth: int = 1) -> Iterator[None]:
    """Kill what the block does ``before`` or ``after`` it calls ``owner.name`` for the ``nth`` time.

    The block must be killed. What may be done before that call comes raises :class:`Killed` at its end.
    """
    real, calls = getattr(owner, name), count(1)

    def kill(*args: Any, **kwargs: Any) -> Any:
        number = next(calls)
        if number == nth and when == "before":
            raise Killed
        result = real(*args, **kwargs)
        if number == nth:
            raise Killed
        return result

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(owner, name, kill)
        yield
