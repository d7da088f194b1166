"""The loggers of the hub's code, and what never reaches a log.

``loggers`` has them: in the hub's own project they write what :mod:`hub.ops.logs` sets up, in a project of others they
write to its logging. ``redaction`` takes secrets out of lines, ``rare_log`` writes few of many that are alike.
"""

from hub.logs.loggers import get_logger, library_logger
from hub.logs.redaction import redact

__all__ = ["get_logger", "library_logger", "redact"]
