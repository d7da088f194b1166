"""Ending a process that cannot start with a sentence: what is wrong is in the environment, not in the code."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ImproperlyConfigured

from hub.config.variables import UnusableEnvironment


@contextmanager
def in_one_sentence() -> Iterator[None]:
    """End the process with ``Error: …`` and exit code 1 where the block finds that settings cannot be used."""
    try:
        yield
    except (ImproperlyConfigured, UnusableEnvironment) as error:
        sys.exit(f"Error: {error}")
