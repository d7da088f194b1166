"""``manage.py up``: the whole hub on one machine."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from hub.config import UnusableEnvironment, is_own_project, refuse_faults
from hub.server.descriptors import raise_limit
from hub.supervisor.plan import read_plan
from hub.supervisor.run import run


class Command(BaseCommand):
    help = (
        "Start every part of the hub on this machine – Redis, web, worker, beat – and keep them running until Ctrl-C. "
        "Reads HUB_PORT, HUB_DATA_DIR, HUB_WEB_PROCESSES, HUB_ADMIN_PASSWORD, REDIS_URL and DATABASE_URL."
    )
    # They import all views and pages, which would double the time to the first line; web processes import the same,
    # and `manage.py check` tells more.
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        if not is_own_project():
            raise CommandError(
                "This starts the hub as a project of its own. Yours is served by: python -m hub.server "
                "myproject.asgi:application"
            )
        refuse_faults()
        raise_limit()  # for all parts, Redis too
        try:
            run(read_plan())
        except UnusableEnvironment as error:
            raise CommandError(str(error)) from error
