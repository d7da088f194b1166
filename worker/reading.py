"""What Celery does in a worker with a message that it cannot make a task of, mended."""

import logging
from typing import Any, Final

from celery import bootsteps
from celery.worker.consumer import consumer

from worker import broker

words: Any = consumer  # the stubs lack its texts

#: Stands in the log where Celery has what a message said.
LEFT_OUT: Final = "(left out)"

#: Of the headers of a message, those that say what it is and nothing of the arguments.
_SAID: Final = ("id", "task", "origin", "eta", "expires", "retries")


class Reading(bootsteps.Step):
    """A part of the consumer of tasks: a message whose form Celery does not expect ends no worker.

    It is dropped and logged. The row of a durable job is still there, and it is sent again.
    """

    name = "HubReading"

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        make = consumer.create_task_handler

        def create_task_handler(*args: Any, **kwargs: Any) -> Any:
            take = make(*args, **kwargs)

            def taken(message: Any) -> Any:
                try:
                    return take(message)
                except broker.NOT_ITS_FORM as error:
                    broker.dropped(error)
                    if not message.acknowledged:  # else Redis gives it out again after the visibility timeout
                        message.reject()
                    return None

            return taken

        consumer.create_task_handler = create_task_handler


def leave_arguments_out() -> None:
    """Let Celery not log what a message says that it drops: it may be a password or a token."""
    logging.getLogger(words.__name__).addFilter(_without_arguments)


def _without_arguments(record: logging.LogRecord) -> bool:
    args: Any = record.args
    match record.msg:
        case words.UNKNOWN_TASK_ERROR:
            error, _, headers, address = args
            record.args = (error, LEFT_OUT, {name: headers[name] for name in _SAID if name in headers}, address)
        case words.INVALID_TASK_ERROR:
            record.args = (args[0], LEFT_OUT)
        case words.UNKNOWN_FORMAT:
            record.args = (LEFT_OUT,)
        case words.MESSAGE_DECODE_ERROR:
            error, content_type, encoding, *_ = args
            record.args = (type(error).__name__, content_type, encoding, LEFT_OUT, LEFT_OUT)
    return True
