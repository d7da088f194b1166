"""See :mod:`rig.environment`."""

from rig.environment import BASE_DIR, clean_environment, ending_with_us, free_port, steers_a_hub

__all__ = ["BASE_DIR", "clean_environment", "ending_with_us", "free_port", "steers_a_hub"]
