from typing import Any

from django.apps import apps
from django.utils.translation import gettext_lazy as _

from hub.config import required_apps


def _running_task() -> str:
    """The task that this thread runs, as the source of what it sends."""
    from celery._state import get_current_task

    from notifications import sources

    running: Any = get_current_task()
    return "" if running is None else sources.written(sources.TASK, running.name)


class WorkerConfig(required_apps.HubAppConfig):
    name = "worker"
    label = "hub_worker"
    verbose_name = _("Background jobs")

    def ready(self) -> None:
        from hub.database import prune_regularly, turns
        from hub.ops import gauges
        from notifications import sources
        from notifications.sending import distributing, scheduling
        from worker import (
            checks,  # noqa: F401  # registers its own
            heartbeat,  # noqa: F401  # connects to Celery's signals
            jobs,
            stopping,
            tasks,
        )
        from worker.application import application
        from worker.operations import (
            joining,  # noqa: F401  # connects to Celery's signals
            page_watcher,  # noqa: F401  # a part of each web process
            pausing,
            recording,
            statistics,
        )
        from worker.schedules import (
            periodic_runs,
            receipt_counter,  # noqa: F401  # a part of each web process
            running,
            waiting,
            web_sender,  # noqa: F401  # a part of each web process
        )
        from worker.tracking import watching  # noqa: F401  # connects to Celery's signals

        waiting.connect()
        application()  # the one that this thread knows: see there
        gauges.stats(jobs.show_stats)
        gauges.stats(statistics.show)
        sources.found_by(_running_task)
        distributing.started_by(tasks.distribute.delay, tasks.owed_distributions)
        scheduling.started_by(tasks.send_at, tasks.owed_sends)
        turns.end_early(stopping.is_stopping)
        for prune in (running.prune, periodic_runs.prune, pausing.prune, recording.prune):
            prune_regularly(prune)
        if apps.is_installed("hub.accounts"):
            from worker import sign_up_alerts

            sign_up_alerts.connect()
        if apps.is_installed("chat"):
            from worker import room_alerts

            room_alerts.connect()
        if apps.is_installed("django_celery_beat"):
            from worker import periodic_tasks

            periodic_tasks.connect()
