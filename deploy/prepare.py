"""Bring the database up to date and make the first administrator, before the parts start."""

import os

import django

from hub.config.startup_errors import in_one_sentence


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hub.settings")
    with in_one_sentence():
        django.setup()
        from hub.supervisor.database import ADMINISTRATOR, prepare

        done = prepare()
    for line in done.lines:
        print(line)
    if done.password:
        print(f"The administrator {ADMINISTRATOR!r} was made, with the password {done.password}")


if __name__ == "__main__":
    main()
