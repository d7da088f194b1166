"""What ``manage.py check`` says about Celery."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any
from weakref import ReferenceType

from celery import Celery, signals
from celery.utils.functional import maybe_list
from django.apps import apps
from django.core import checks

from hub.config import hub_settings
from hub.config.queues import BULK, DELIVERIES, Purpose, queue_named
from hub.web.middleware import place
from worker import queues
from worker.application import application
from worker.scheduling import is_hubs, regular_tasks
from worker.tracking.task import TrackedTask

#: The name of the application that Celery makes up where the project has imported none.
MADE_UP = "default"

_PEOPLE = "django.contrib.auth.middleware.AuthenticationMiddleware"
_STARTED_BY = "worker.middleware.StartedBy"

#: The module that imports all modules of the hub's tasks: Celery looks for modules of its name.
_TASKS = "worker.tasks"

#: Seconds after which Redis gives a task to another worker, where the settings do not say.
DEFAULT_VISIBILITY_TIMEOUT = 3600


@checks.register
def celery_application_is_imported(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """The processes that start jobs know the project's Celery application, and so its broker."""
    app = application()
    if app.main == MADE_UP:
        return [
            checks.Warning(
                "No Celery application is imported: jobs would be sent to a broker on this machine.",
                hint="Import yours in the __init__ of the project's package, or name it in HUB_CELERY_APP.",
                id="hub.W030",
            )
        ]
    return [
        *_broker(app),
        *_scheduler(app),
        *_regular_tasks(app),
        *_modules(app),
        *_patience(app),
        *_visibility(app),
        *_queues(app),
        *_owners(app),
    ]


def _broker(app: Celery) -> Iterator[checks.CheckMessage]:
    if not app.conf.broker_write_url:
        yield checks.Warning(
            f"Nothing says which broker the Celery application {app.main!r} has: it looks for RabbitMQ on this "
            "machine.",
            hint="CELERY_BROKER_URL = HUB_REDIS_URL.",
            id="hub.W038",
        )


def _scheduler(app: Celery) -> Iterator[checks.CheckMessage]:
    if is_hubs(app.conf.beat_scheduler) and not apps.is_installed("django_celery_beat"):
        yield checks.Error(
            "CELERY_BEAT_SCHEDULER is the hub's, which reads tables of django_celery_beat, and INSTALLED_APPS has no "
            '"django_celery_beat".',
            hint="Add it, or leave the scheduler as it is.",
            id="hub.E036",
        )


def _regular_tasks(app: Celery) -> Iterator[checks.CheckMessage]:
    missing = {task.name for task in regular_tasks()} - set(app.conf.beat_schedule)
    if missing and not is_hubs(app.conf.beat_scheduler):
        yield checks.Warning(
            f"The beat of the Celery application {app.main!r} does not send the hub's regular tasks: nothing delivers "
            "what a crash left, and nothing deletes what is old.",
            hint="Call hub.schedule(app) in the module that makes the application.",
            id="hub.W031",
        )


def _modules(app: Celery) -> Iterator[checks.CheckMessage]:
    """A worker imports the modules of tasks that ``autodiscover_tasks()`` finds, or that the settings list."""
    # autodiscover_tasks() waits for this signal of its application. So does Celery itself, for Django, by a weak
    # reference; other receivers hear the signals of all applications.
    waiting = [receiver for (_, sender), receiver in signals.import_modules.receivers if sender == id(app)]
    looks = any(not isinstance(receiver, ReferenceType) for receiver in waiting)
    # With `force` it has looked at once, and its loader knows what it found.
    known = {
        *maybe_list(app.conf.imports or ()),
        *maybe_list(app.conf.include or ()),
        *getattr(app.loader, "task_modules", ()),
    }
    if not looks and _TASKS not in known:
        yield checks.Warning(
            f"The Celery application {app.main!r} looks for tasks in no app: its workers know none of the hub's.",
            hint="Call app.autodiscover_tasks() in the module that makes the application.",
            id="hub.W056",
        )


def _patience(app: Celery) -> Iterator[checks.CheckMessage]:
    if _is_redis(app) and (app.conf.task_publish_retry or "socket_timeout" not in app.conf.broker_transport_options):
        yield checks.Warning(
            "A request that starts a job waits as long as the broker hangs.",
            hint="CELERY_TASK_PUBLISH_RETRY = False, and CELERY_BROKER_TRANSPORT_OPTIONS with "
            '"socket_connect_timeout": 0.8, "socket_timeout": 1.5, "max_retries": 0.',
            id="hub.W032",
        )


def _visibility(app: Celery) -> Iterator[checks.CheckMessage]:
    """Redis holds a task for one worker until it is acknowledged, and no longer than the visibility timeout."""
    timeout = app.conf.broker_transport_options.get("visibility_timeout", DEFAULT_VISIBILITY_TIMEOUT)
    longest = app.conf.task_time_limit or 0
    if _is_redis(app) and timeout <= longest:
        yield checks.Warning(
            f"A task may run for {longest} seconds (CELERY_TASK_TIME_LIMIT), and after {timeout} the broker gives it "
            "to a second worker.",
            hint='Set "visibility_timeout" in CELERY_BROKER_TRANSPORT_OPTIONS to twice the time limit.',
            id="hub.W033",
        )
    if app.conf.task_acks_late and not app.conf.task_reject_on_worker_lost:
        yield checks.Warning(
            "A task whose worker is killed counts as done: CELERY_TASK_ACKS_LATE is on, and "
            "CELERY_TASK_REJECT_ON_WORKER_LOST is off.",
            hint="Set CELERY_TASK_REJECT_ON_WORKER_LOST = True.",
            id="hub.W034",
        )


def _queues(app: Celery) -> Iterator[checks.CheckMessage]:
    """A worker reads the queues that it is told by -Q, else those of the settings: only these can be known here."""
    read = queues.declared(app) or {str(app.conf.task_default_queue)}
    purposes: tuple[tuple[str, Purpose], ...] = (("HUB_DELIVERIES_QUEUE", DELIVERIES), ("HUB_BULK_QUEUE", BULK))
    for setting, purpose in purposes:
        if (name := queue_named(purpose)) and name not in read:
            yield checks.Warning(
                f"{setting} sends tasks to the queue {name!r}, which a worker of the Celery application {app.main!r} "
                "reads only where -Q names it.",
                hint=f"Name {name!r} and the default queue in CELERY_TASK_QUEUES; or start workers with -Q, and add "
                "hub.W039 to SILENCED_SYSTEM_CHECKS.",
                id="hub.W039",
            )


def _owners(app: Celery) -> Iterator[checks.CheckMessage]:
    """Who waits for a job sees it only where the job knows who has started it."""
    if place(_PEOPLE) is None or place(_STARTED_BY) is not None:
        return
    with suppress(Exception):  # what cannot be imported here may be there where workers run, which say it themselves
        app.loader.import_default_modules()
    declared = sorted(name for name, task in app.tasks.items() if isinstance(task, TrackedTask))
    for name in [*declared, *hub_settings().watched_tasks][:1]:
        yield checks.Warning(
            f"MIDDLEWARE has no StartedBy: a job that a view calls, such as {name!r}, is nobody's, and whoever waits "
            "for it does not see it.",
            hint=f"Add {_STARTED_BY!r}; or, if no view calls jobs, add hub.W048 to SILENCED_SYSTEM_CHECKS.",
            id="hub.W048",
        )


def _is_redis(app: Celery) -> bool:
    return str(app.conf.broker_url).startswith(("redis", "rediss", "sentinel"))
