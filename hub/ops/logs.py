"""How every process of the hub logs: one line an event to stderr, ours and the libraries' alike, without secrets."""

import logging
import logging.config
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any
from uuid import UUID

import structlog

from hub.logs import loggers
from hub.logs.redaction import redact

#: What Django logs of requests that are not as they should be: a wrong Host, too many fields.
_SUSPICIOUS = "django.security."

#: What Django logs of requests that failed: with a warning, the visitor's fault (4xx), such as a form that cannot be
#: read; with an error, ours.
_REQUESTS = "django.request"


#: Characters of a line about a request, which quotes its path or its headers: 64 KiB of what the client likes.
_LONGEST = 500


def _blame_visitors(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """No traceback for what a visitor did, and no long line: anybody could fill the log, of which the newest part is
    kept, and so have it forget what they did before."""
    logger_name = str(event.get("logger"))
    is_suspicious = logger_name.startswith(_SUSPICIOUS)
    if is_suspicious or (logger_name == _REQUESTS and event.get("level") == "warning"):
        event.pop("exc_info", None)
    text = event.get("event")
    if (is_suspicious or logger_name == _REQUESTS) and isinstance(text, str) and len(text) > _LONGEST:
        event["event"] = f"{text[:_LONGEST]}…"
    return event


def _show_controls(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Write as ``\\x1b`` what a terminal obeys or hides: an error may quote what somebody has sent."""
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), value)
    return event


def _write_keys(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Have a key that is a UUID read as one does elsewhere, also in a list, and not as Python writes it."""
    for name, value in event.items():
        if isinstance(value, UUID):
            event[name] = str(value)
        elif isinstance(value, list):
            event[name] = [str(one) if isinstance(one, UUID) else one for one in value]
    return event


#: Controls but for tabs and line ends, which tracebacks have; what else ends a line; and what turns the direction.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")

#: Run for each event, whether it comes from structlog or from the standard library.
_SHARED: tuple[structlog.typing.Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
    _blame_visitors,
    _write_keys,
    # Tracebacks become text before the renderer, because it would print the values of local variables too.
    structlog.processors.format_exc_info,
)

#: Libraries that set handlers of their own, which would write past ours.
_WITH_OWN_HANDLERS = ("django", "django.server", "uvicorn", "uvicorn.error", "uvicorn.asgi", "celery")


class RedactingFormatter(structlog.stdlib.ProcessorFormatter):
    """Renders an event and then takes the secrets out of the whole line: text, arguments and traceback alike."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def configure(config: Mapping[str, Any]) -> None:
    """Django's ``LOGGING_CONFIG``: set up logging by ``settings.LOGGING``.

    ``config["level"]`` is a level's name, ``config["json"]`` says whether lines are JSON objects (else text for
    people). May be called again; the last call holds.
    """
    access = logging.getLogger("uvicorn.access")
    # Only `uvicorn` started by hand without `--no-access-log` has given it one; what follows would forget that.
    logs_access = any(_writes_access(handler) for handler in access.handlers)
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"hub": {"()": _formatter, "as_json": bool(config["json"])}},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "hub"}},
            "root": {"handlers": ["stderr"], "level": config["level"]},
            "loggers": {name: {"handlers": [], "level": "NOTSET", "propagate": True} for name in _WITH_OWN_HANDLERS},
        }
    )
    access.propagate = False
    access.handlers = logging.getLogger().handlers[:] if logs_access else []
    processors = loggers.use(
        [
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ]
    )
    structlog.configure(  # for code of teams that logs with structlog
        processors=processors,
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _writes_access(handler: logging.Handler) -> bool:
    """Whether it is uvicorn's handler of the access log, or the one of ours that took its place."""
    formatter = handler.formatter
    return isinstance(formatter, RedactingFormatter) or type(formatter).__module__.startswith("uvicorn.")


def _formatter(*, as_json: bool) -> logging.Formatter:
    renderers: list[structlog.typing.Processor]
    if as_json:
        renderers = [structlog.processors.JSONRenderer(ensure_ascii=False)]
    else:
        console = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback, pad_event_to=0
        )
        renderers = [_show_controls, console]
    return RedactingFormatter(
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
        foreign_pre_chain=_SHARED,
    )
