"""The hub's settings: read from the environment, converted and checked once, in one typed class.

``typed_settings`` has the fields, ``environment`` and ``variables`` read, ``production_checks`` refuse what is unsafe.
"""

from hub.config.typed_settings import (
    MAX_FRAME,
    NO_LIMIT,
    READ_ELSEWHERE,
    HubSettings,
    faults,
    from_environment,
    hub_settings,
    refuse_faults,
)

__all__ = [
    "MAX_FRAME",
    "NO_LIMIT",
    "READ_ELSEWHERE",
    "HubSettings",
    "faults",
    "from_environment",
    "hub_settings",
    "refuse_faults",
]
