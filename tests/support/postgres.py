"""See :mod:`rig.postgres`."""

from rig.postgres import running_server

__all__ = ["running_server"]
