"""The Celery application that sends and runs the hub's tasks: the project's own."""

import inspect
from functools import cache
from typing import Any

from celery import Celery
from celery.app import app_or_default
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from worker.scheduling import is_hubs


@cache
def application() -> Celery:
    """The application at ``HUB_CELERY_APP``; without this setting, the one that is current at the first call.

    The app ``worker`` calls it when the apps are ready, in the thread that has imported the project. Celery itself
    knows the current application of that thread only: any other thread, such as those of Django's requests in an ASGI
    server, would send its tasks by an application that Celery makes up, to a broker that nobody has named.
    """
    path: str = getattr(settings, "HUB_CELERY_APP", "")
    if not path:
        return app_or_default()
    try:
        found: Celery = import_string(path)
    except ImportError as error:
        raise ImproperlyConfigured(f"HUB_CELERY_APP names {path!r}, which cannot be imported: {error}.") from error
    return found


def has_our_scheduler() -> bool:
    """Whether beat runs :class:`worker.beat.HubScheduler`."""
    return is_hubs(application().conf.beat_scheduler)


def task_named(name: str) -> Any:
    """The task of this name; None where no module of the project declares it."""
    app = application()
    _import_tasks(app)
    return app.tasks.get(name)


def signature_of(task: Any) -> inspect.Signature:
    """What the task is called with. With ``autoretry_for`` Celery puts a function of its own before it."""
    return inspect.signature(getattr(task, "_orig_run", task.run))


@cache
def _import_tasks(app: Celery) -> None:
    """Import the modules of tasks. Once: Celery runs Django's checks each time, which takes longer than the import."""
    app.loader.import_default_modules()
