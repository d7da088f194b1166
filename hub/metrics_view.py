"""``/metrics`` for Prometheus."""

import os

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from hub import watching


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """All counts, of all web processes on this machine where ``PROMETHEUS_MULTIPROC_DIR`` is set."""
    watching.read_figures()
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # prometheus-client has no types for it
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
