"""``docs/howto/watch-the-hub.md`` lists exactly the metrics and log events that the code has."""

import ast
import re
from collections.abc import Iterator

import pytest
from prometheus_client import Counter, Gauge, Histogram

from hub.ops import metrics
from hub.web.health import HealthReport
from lab.harness.environment import BASE_DIR
from tests.docs.documents import code_spans, table

PAGE = "docs/howto/watch-the-hub.md"
LOOPS = ("Background", "Inbox")
LEVELS = (
    "log.info",
    "log.warning",
    "log.error",
    "log.exception",
    "self._rare_log.warning",
    "_rare_log.warning",
    "_rare_log.error",
)
PACKAGES = ("chat", "hub", "notifications", "presence", "worker")


def calls() -> Iterator[ast.Call]:
    for package in PACKAGES:
        for source in (BASE_DIR / package).rglob("*.py"):
            if source.is_relative_to(BASE_DIR / "hub/testing"):  # logs in tests of teams, as Django's TestCase does
                continue
            yield from (node for node in ast.walk(ast.parse(source.read_text())) if isinstance(node, ast.Call))


def test_every_metric_is_documented_with_its_labels() -> None:
    collectors = [value for value in vars(metrics).values() if isinstance(value, Counter | Gauge | Histogram)]
    counted = {(described(collector), " ".join(collector._labelnames)) for collector in collectors}
    documented = {(name.strip("`"), labels.replace("`", "")) for name, labels, *_ in table(PAGE, "metric", "labels")}
    assert documented == counted


def described(collector: Counter | Gauge | Histogram) -> str:
    """The name under which Prometheus sees it."""
    (family,) = collector.describe()
    return f"{family.name}_total" if isinstance(collector, Counter) else family.name


@pytest.mark.slow
def test_every_reason_is_documented() -> None:
    documented = {reason.strip("`") for reason, *_ in table(PAGE, "`reason`", "of")}
    assert documented == {*dropped(), *repaired()}


def dropped() -> set[str]:
    """The constants in ``ANNOUNCEMENTS_DROPPED.labels("…")`` and ``_drop(items, "…")``."""
    found = set()
    for call in calls():
        if ast.unparse(call.func) in {"metrics.ANNOUNCEMENTS_DROPPED.labels", "self._drop"} and isinstance(
            call.args[-1], ast.Constant
        ):
            found.add(str(call.args[-1].value))
    return found


def repaired() -> set[str]:
    """The constants that the relay gives as the reason of a repair."""
    found = set()
    for call in calls():
        if ast.unparse(call.func) in {"self.catch_up.read", "self.read"} and isinstance(call.args[1], ast.Constant):
            found.add(str(call.args[1].value))
    return found


@pytest.mark.slow
def test_every_failure_that_is_counted_is_documented() -> None:
    (meaning,) = (row[2] for row in table(PAGE, "metric", "labels") if row[0] == "`hub_failures_total`")
    counted = {
        str(ast.literal_eval(call.args[0])) for call in calls() if ast.unparse(call.func) == "metrics.FAILURES.labels"
    }
    assert set(re.findall(r"`(\w+)`", meaning)) == counted


@pytest.mark.slow
def test_every_log_event_is_documented() -> None:
    documented = {span for cells in table(PAGE, "event", "level") for span in re.findall(r"`(\w+)`", cells[0])}
    logged = set()
    for call in calls():
        level = ast.unparse(call.func)
        if level in LEVELS and isinstance(call.args[0], ast.Constant):
            logged.add(str(call.args[0].value))
        elif level in LOOPS:  # which log their failures by this name
            events = [word.value for word in call.keywords if word.arg == "event"]
            logged |= {str(event.value) for event in events if isinstance(event, ast.Constant)}
    assert documented == logged


def test_every_status_of_health_is_documented() -> None:
    statuses = {status.strip("`") for status, *_ in table(PAGE, "`status`", "HTTP")}
    assert statuses == set(re.findall(r"'(\w+)'", str(HealthReport.__annotations__["status"])))
    assert "missing" in code_spans(PAGE)
