"""What ``manage.py check`` says about Celery."""

from collections.abc import Sequence
from typing import Any

from django.core import checks

from worker.application import application

#: The name of the application that Celery makes up where the project has imported none.
MADE_UP = "default"


@checks.register
def celery_application_is_imported(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """The processes that start jobs know the project's Celery application, and so its broker."""
    if application().main != MADE_UP:
        return []
    return [
        checks.Warning(
            "No Celery application is imported: jobs would be sent to a broker on this machine.",
            hint="Import yours in the __init__ of the project's package, or name it in HUB_CELERY_APP.",
            id="hub.W030",
        )
    ]
