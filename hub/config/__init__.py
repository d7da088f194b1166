"""The hub's settings: read from the environment, converted and checked once, in one typed class.

``typed_settings`` is that class, whose fields stand in ``installation`` and ``engine`` too; ``kinds`` says what values
may be. ``reading`` reads and checks; ``production_checks`` refuse what is unsafe.
"""

from hub.config.kinds import NO_LIMIT, Age, seconds_of
from hub.config.paths import BASE_DIR
from hub.config.reading import faults, hub_settings, is_own_project, read_environment, refuse_faults
from hub.config.rule_errors import are_rule_errors_raised
from hub.config.typed_settings import HubSettings
from hub.config.under_test import is_under_test
from hub.config.variables import UnusableEnvironment

__all__ = [
    "BASE_DIR",
    "NO_LIMIT",
    "Age",
    "HubSettings",
    "UnusableEnvironment",
    "are_rule_errors_raised",
    "faults",
    "hub_settings",
    "is_own_project",
    "is_under_test",
    "read_environment",
    "refuse_faults",
    "seconds_of",
]
