"""See :mod:`rig.shell`."""

from rig.shell import Shell

__all__ = ["Shell"]
