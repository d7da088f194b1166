"""What people are told of an error of code that is not the hub's, such as a rule or an audience."""

from hub.logs import redact
from hub.validation import storable


def told(error: Exception, limit: int) -> str:
    """Its type and its text as every database keeps them, without secrets and cut to so many characters."""
    return redact(storable(f"{type(error).__name__}: {error}"))[:limit]
