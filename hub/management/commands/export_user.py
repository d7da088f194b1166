import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from hub.management.people import HELP, Nobody, people_named
from hub.privacy import export


class Command(BaseCommand):
    help = "Print what the hub holds of a person, as JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("id", help=HELP)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            (person,) = people_named([options["id"]])
        except Nobody as error:
            raise CommandError(str(error)) from None
        self.stdout.write(json.dumps(export(person), ensure_ascii=False, indent=2))
