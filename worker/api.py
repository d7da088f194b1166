"""The methods of the HTTP API that the worker has; they are found here."""

from worker.schedules import http as schedules_api  # noqa: F401  # its methods
from worker.schedules import periodic_http  # noqa: F401  # likewise
from worker.tracking import http as jobs_api  # noqa: F401  # likewise
