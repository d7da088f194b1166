"""Where an error goes that a rule of a project's raises while a row is saved."""

from hub.config.reading import hub_settings
from hub.config.under_test import is_under_test


def are_rule_errors_raised() -> bool:
    """Whether the code that saves gets the error (``HUB_RULES_RAISE``); else it is logged, and the save goes on."""
    when = hub_settings().rules_raise
    return when == "always" or (when == "in_tests" and is_under_test())
