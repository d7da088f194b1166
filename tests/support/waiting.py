"""See :mod:`rig.waiting`."""

from rig.waiting import await_for, wait_for

__all__ = ["await_for", "wait_for"]
