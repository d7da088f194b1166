"""What ``manage.py check`` says in the hub's own project about what it cannot do without."""

import pytest
from pytest_django.fixtures import Settings

from hub.checks import containers_can_ask_for_health
from hub.config import hub_settings

pytestmark = pytest.mark.any_database


def test_hub_without_health_is_warned_that_it_looks_down(settings: Settings) -> None:
    assert containers_can_ask_for_health(None) == []
    settings.HUB_ENDPOINTS = [name for name in hub_settings().endpoints if name != "health"]
    (warning,) = containers_can_ask_for_health(None)
    assert warning.id == "hub.W004"
    assert 'HUB_ENDPOINTS leaves out "health"' in warning.msg
