"""Why Redis cannot be used, in words that say what to look at. Never an address or a password."""

import ssl
from collections.abc import Iterator

import redis


def reason(error: BaseException) -> str:
    """What ``error``, raised while Redis was asked, says is wrong."""
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its TLS certificate does not verify: {cause.verify_message}"
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return "TLS does not come about: is this the port for TLS, and rediss:// the scheme?"
    if isinstance(error, TimeoutError | redis.TimeoutError):
        return "no answer in time"
    if isinstance(error, redis.exceptions.NoPermissionError):
        return "its user lacks a right that the hub needs (docs/howto/use-your-own-redis.md)"
    if isinstance(error, redis.AuthenticationError):
        return "it refuses the password or asks for one"
    if isinstance(error, ValueError):
        return "not an address of a Redis"
    return "connection refused or lost"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
