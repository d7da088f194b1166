"""The Celery application: ``celery -A worker worker`` and ``celery -A worker beat`` find it here."""

import logging
import os
from typing import Any

import structlog
from celery import Celery, signals
from django.conf import settings

from hub.config import hub_settings, private_files, refuse_faults
from hub.config.startup_errors import in_one_sentence
from hub.server import descriptors
from worker import broker

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hub.settings")
with in_one_sentence():
    _ = settings.SECRET_KEY  # read now, where what is wrong with them can be said in a sentence

broker.survive_loss()
app = Celery("worker")
app.config_from_object("django.conf:settings", namespace="CELERY")
# Every thread that sends a task uses this application, not only the one that imported it.
app.set_default()
app.autodiscover_tasks()

#: Tasks that the hub sends to itself every few seconds; a line for each would drown the others.
_QUIET_TASKS = frozenset(
    {
        "worker.heartbeat.beat_from_worker",
        "worker.maintenance.sweep",
        "worker.maintenance.send_overdue_jobs",
        "worker.maintenance.prune",
        "worker.maintenance.tidy",
    }
)


@signals.import_modules.connect
def _begin(**kwargs: Any) -> None:
    """A worker or a beat starts; of Django's checks Celery takes no notice."""
    with in_one_sentence():
        refuse_faults()
    descriptors.raise_limit()


@signals.import_modules.connect
def _keep_files_private(**kwargs: Any) -> None:
    if closed := private_files.guard(hub_settings().data_dir):
        structlog.get_logger(__name__).warning("data_folder_closed_to_others", paths=closed)


@signals.setup_logging.connect
def _keep_django_logging(**kwargs: Any) -> None:
    """Being connected is what counts: Celery then sets up no handlers, and ours (``hub.ops.logs``) hold."""


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    task = record.args.get("name") if isinstance(record.args, dict) else None
    return task not in _QUIET_TASKS or record.levelno > logging.INFO


for _name in ("celery.worker.strategy", "celery.app.trace"):
    logging.getLogger(_name).addFilter(_is_worth_a_line)
