from django.apps import apps

from hub.config import required_apps


class WorkerConfig(required_apps.HubAppConfig):
    name = "worker"
    label = "hub_worker"

    def ready(self) -> None:
        from hub.ops import gauges
        from notifications.sending import distributing, scheduling
        from worker import (
            checks,  # noqa: F401  # registers its own
            heartbeat,  # noqa: F401  # connects to Celery's signals
            jobs,
            tasks,
        )
        from worker.application import application

        application()  # the one that this thread knows: see there
        gauges.stats(jobs.show_stats)
        distributing.started_by(tasks.distribute.delay, tasks.is_distribute_owed)
        scheduling.started_by(tasks.send_at, tasks.is_send_owed)
        if apps.is_installed("hub.accounts"):
            from worker import sign_up_alerts

            sign_up_alerts.connect()
        if apps.is_installed("chat"):
            from worker import room_alerts

            room_alerts.connect()
        if apps.is_installed("django_celery_beat"):
            from worker import periodic_tasks

            periodic_tasks.connect()
