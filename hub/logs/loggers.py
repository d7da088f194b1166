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

#: Arguments of a record that are no fields of the event.
_OF_RECORDS = ("exc_info", "stack_info", "stacklevel")


def _as_record(logger: Any, method: str, event: MutableMapping[str, Any]) -> tuple[tuple[str], Mapping[str, Any]]:
    """A record that any handler can write: ``event key=value …`` as its text, without secrets."""
    arguments = {name: event.pop(name) for name in _OF_RECORDS if name in event}
    said = str(event.pop("event", ""))
    text = " ".join([said, *(f"{name}={value!r}" for name, value in event.items())])
    return (redact(text),), arguments


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
        logging.getLogger(name), processors=_processors, wrapper_class=structlog.stdlib.BoundLogger
    )
    return cast(structlog.stdlib.BoundLogger, wrapped)


def use(processors: Sequence[Processor]) -> list[Processor]:
    """Have all loggers of the hub process events so, from now on; returns the list that they have."""
    _processors[:] = processors
    return _processors
