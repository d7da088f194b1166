"""``/metrics`` for Prometheus."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from hub.access.operators import is_operator
from hub.config import hub_settings
from hub.ops import gauges

FOR_OPERATORS = (
    "Metrics are for operators: ask from an address in HUB_OPERATOR_ADDRESSES, or with 'Authorization: Bearer' and "
    "HUB_OPERATOR_TOKEN.\n"
)


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """All counts, of all web processes on this machine where ``PROMETHEUS_MULTIPROC_DIR`` is set.

    For operators (:mod:`hub.access.operators`); others get 403.
    """
    if not is_operator(request):
        return HttpResponse(FOR_OPERATORS, status=403, content_type="text/plain")
    gauges.read_stats()
    registry = REGISTRY
    if hub_settings().metrics_dir:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # prometheus-client has no types for it
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
