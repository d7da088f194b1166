"""What a client is told of a command that was not carried out."""

from django.utils import translation

from hub.access.reasons import Error, Failed
from hub.channels import UnknownChannel
from hub.concurrency.faults import cause, described, may_be_done
from hub.endpoints.centrifuge.messages import ErrorResult, Publish, Request, Rpc
from hub.logs import get_logger
from hub.logs.rare_log import RareLog
from hub.validation.refused import Refused

log = get_logger(__name__)
_rare_log = RareLog(log)


def refusal_of(error: Exception, request: Request) -> Refused:
    """Why ``request`` was not carried out, as the client may know it. Errors of the hub are logged, one in a while."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, UnknownChannel):
        return Failed(Error.UNKNOWN_CHANNEL)
    command = type(request).__name__
    _rare_log.error("command_failed", kind=f"{command} {cause(error)}", command=command, **described(error))
    if may_be_done(error) and isinstance(request, Publish | Rpc):
        return Failed(Error.INTERNAL, sentence=f"{Error.INTERNAL.text}: it may have been carried out")
    return Failed(Error.INTERNAL)


def told(refused: Refused, language: str) -> ErrorResult:
    """The refusal as it is sent, with its sentence in the ``language`` of the client."""
    with translation.override(language):
        message = str(refused.sentence)
    return ErrorResult(
        code=refused.code, message=message, temporary=refused.temporary, retry_after=refused.retry_after
    )
