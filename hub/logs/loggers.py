"""The loggers that the hub's modules write their events to.

They do not depend on how structlog is configured for the process: inside a project that is for the project to say, or
left as it is.
"""

import logging
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any, cast

import structlog
from structlog.typing import Processor

from hub.logs.redaction import redact

#: Tracebacks as the standard library writes them.
_tracebacks = logging.Formatter()

#: Arguments of a record that are no fields of the event.
_OF_RECORDS = ("exc_info", "stack_info", "stacklevel")


def _as_record(logger: Any, method: str, event: MutableMapping[str, Any]) -> tuple[tuple[str], Mapping[str, Any]]:
    """A record that any handler can write: ``event key=value …`` as its text."""
    arguments = {name: event.pop(name) for name in _OF_RECORDS if name in event}
    said = str(event.pop("event", ""))
    text = " ".join([said, *(f"{name}={value!r}" for name, value in event.items())])
    return (text,), arguments


#: Run for each event of the hub's. One list for all loggers; structlog's own functions for tests may change it.
_processors: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.filter_by_level,
    structlog.stdlib.PositionalArgumentsFormatter(),
    cast(Processor, _as_record),
]


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of the module ``name``: its events become records of the standard library's logger of this name."""
    wrapped = structlog.wrap_logger(
        library_logger(name), processors=_processors, wrapper_class=structlog.stdlib.BoundLogger
    )
    return cast(structlog.stdlib.BoundLogger, wrapped)


def library_logger(name: str) -> logging.Logger:
    """The standard library's logger ``name``, whose records have no secrets in text, traceback or stack.

    A handler that renders the exception of a record by itself, and not the text of its traceback, does not get it
    without them.
    """
    logger = logging.getLogger(name)
    logger.addFilter(_without_secrets)
    return logger


def _without_secrets(record: logging.LogRecord) -> bool:
    """A filter of the hub's own loggers: whose handlers write the records is not known."""
    if isinstance(record.msg, str):
        record.msg, record.args = redact(record.getMessage()), ()
    if record.exc_info and not record.exc_text:
        record.exc_text = _tracebacks.formatException(record.exc_info)
    if record.exc_text:
        record.exc_text = redact(record.exc_text)
    if record.stack_info:
        record.stack_info = redact(record.stack_info)
    return True


def use(processors: Sequence[Processor]) -> list[Processor]:
    """Have all loggers of the hub process events so, from now on; returns the list that they have."""
    _processors[:] = processors
    return _processors
