"""What the tests of a running hub share."""

from tests.live.conftest import room, unique, webs

__all__ = ["room", "unique", "webs"]
