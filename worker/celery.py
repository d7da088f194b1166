"""The Celery application: ``celery -A worker worker`` and ``celery -A worker beat`` find it here."""

import os
import sys
from typing import Any

from celery import Celery, signals
from django.conf import settings
from django.db import close_old_connections

from hub.config import hub_settings, private_files
from hub.config.startup_errors import in_one_sentence
from hub.logs import get_logger
from hub.server import descriptors
from worker import broker, starting

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hub.settings")
with in_one_sentence():
    _ = settings.SECRET_KEY  # read now, where what is wrong with them can be said in a sentence

broker.survive_loss()
app = Celery("worker")
app.config_from_object("django.conf:settings", namespace="CELERY")
# Every thread that sends a task uses this application, not only the one that imported it.
app.set_default()
app.autodiscover_tasks()

starting.watch(app)

# Celery closes its database connections before and after each task, and a new one costs a task more than all it asks
# there. They stay as those of requests do (``CONN_MAX_AGE``): one that is old, or fails, is replaced before a task.
app.conf["CELERY_DB_REUSE_MAX"] = sys.maxsize


@signals.task_prerun.connect
def _replace_broken_connections(task: Any, **kwargs: Any) -> None:
    if not task.request.is_eager:
        close_old_connections()


@signals.import_modules.connect
def _raise_limit(**kwargs: Any) -> None:
    descriptors.raise_limit()


@signals.import_modules.connect
def _keep_files_private(**kwargs: Any) -> None:
    if closed := private_files.guard(hub_settings().data_dir):
        get_logger(__name__).warning("data_folder_closed_to_others", paths=closed)


@signals.setup_logging.connect
def _keep_django_logging(**kwargs: Any) -> None:
    """Being connected is what counts: Celery then sets up no handlers, and ours (``hub.ops.logs``) hold."""
