#!/usr/bin/env python
"""Django's command line for the hub: ``manage.py up`` runs every part on one machine."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hub.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    from hub.config import UnusableEnvironment

    try:
        execute_from_command_line(sys.argv)
    except (ImproperlyConfigured, UnusableEnvironment) as error:
        if "--traceback" in sys.argv:
            raise
        # What is wrong is in the environment, not in the code: a sentence helps, a traceback hides it.
        sys.exit(f"Error: {error}")


if __name__ == "__main__":
    main()
