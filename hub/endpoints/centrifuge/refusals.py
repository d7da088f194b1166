"""What a client is told of a command that was not carried out."""

from django.utils import translation

from hub.access.reasons import Error, Failed
from hub.channels import UnknownChannel
from hub.concurrency.faults import described
from hub.endpoints.centrifuge.messages import ErrorResult, Request
from hub.logs import get_logger
from hub.validation.refused import Refused

log = get_logger(__name__)


def refusal_of(error: Exception, request: Request) -> Refused:
    """Why ``request`` was not carried out, as the client may know it. Errors of the hub itself are logged."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, UnknownChannel):
        return Failed(Error.UNKNOWN_CHANNEL)
    log.error("command_failed", command=type(request).__name__, **described(error))
    return Failed(Error.INTERNAL)


def told(refused: Refused, language: str) -> ErrorResult:
    """The refusal as it is sent, with its sentence in the ``language`` of the client."""
    with translation.override(language):
        message = str(refused.sentence)
    return ErrorResult(
        code=refused.code, message=message, temporary=refused.temporary, retry_after=refused.retry_after
    )
