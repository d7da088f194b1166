"""Bring the database up to date and make the first administrator, before the parts start."""

import os
import sys

import django


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hub.settings")
    django.setup()
    from hub.config.environment import UnusableEnvironment
    from hub.supervisor.database import ADMINISTRATOR, prepare

    try:
        done = prepare()
    except UnusableEnvironment as error:
        sys.exit(str(error))
    for line in done.lines:
        print(line)
    if done.password:
        print(f"The administrator {ADMINISTRATOR!r} was made, with the password {done.password}")


if __name__ == "__main__":
    main()
