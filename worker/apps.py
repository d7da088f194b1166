from django.apps import AppConfig


class WorkerConfig(AppConfig):
    name = "worker"
    label = "hub_worker"

    def ready(self) -> None:
        from hub.ops import gauges
        from worker import alerts, jobs, periodic_tasks, private_rooms

        gauges.stats(jobs.show_stats)
        alerts.connect()
        private_rooms.connect()
        periodic_tasks.connect()
        # So that `task.delay()` in any process of the hub knows the broker.
        from worker import (
            celery,  # noqa: F401  # becomes the current application
            heartbeat,  # noqa: F401  # connects to Celery's signals
        )
