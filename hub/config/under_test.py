"""Whether this process runs the tests of a project."""

import sys


def is_under_test() -> bool:
    """Whether Django's test environment is set up: by ``manage.py test``, by pytest-django, or by a project's own.

    Costs an import of nothing: a process that never loaded the module runs no tests.
    """
    utils = sys.modules.get("django.test.utils")
    # What `setup_test_environment()` leaves until `teardown_test_environment()`, and Django asks itself.
    return utils is not None and hasattr(utils._TestState, "saved_data")
