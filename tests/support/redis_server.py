"""See :mod:`rig.redis_server`."""

from rig.redis_server import RedisServer

__all__ = ["RedisServer"]
