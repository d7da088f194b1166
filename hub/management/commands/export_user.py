import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from hub.privacy import export
from hub.users import users_by_id


class Command(BaseCommand):
    help = "Print what the hub holds of a person, as JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("id", help="what the person is called outside: the product's id, or the key")

    def handle(self, *args: Any, **options: Any) -> None:
        person = users_by_id([options["id"]]).get(options["id"])
        if person is None:
            raise CommandError(f"There is nobody with the id {options['id']}.")
        self.stdout.write(json.dumps(export(person), ensure_ascii=False, indent=2))
