from argparse import ArgumentParser
from importlib import import_module
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from hub.api import keys
from hub.api.method import methods
from hub.api.scope import BadScope, scope
from hub.models import ApiKey


class Command(BaseCommand):
    help = "Make a key of the HTTP API and print it, this once, to standard output; list the keys; revoke one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="create | list | revoke")
        create = verbs.add_parser("create", help="make a key and print it")
        create.add_argument("name", help="which program uses it, and for what")
        create.add_argument("--methods", nargs="+", default=["*"], help="what it may call; by default everything")
        create.add_argument(
            "--channels", nargs="+", default=["*"], help="what it may name: everyone user:42 'user:*'; by default all"
        )
        verbs.add_parser("list", help="list the keys, newest first, with the characters that each starts with")
        revoke = verbs.add_parser("revoke", help="end a key; web processes refuse it within 2 s")
        revoke.add_argument("key", help="its number or its first characters, as `list` shows them, or its name")

    def handle(self, *args: Any, verb: str, **options: Any) -> None:
        match verb:
            case "create":
                self._create(options["name"], options["methods"], options["channels"])
            case "list":
                self._list()
            case _:
                self._revoke(options["key"])

    def _create(self, name: str, allowed: list[str], channels: list[str]) -> None:
        limit = ApiKey._meta.get_field("name").max_length
        if not name.strip() or (limit is not None and len(name) > limit):
            raise CommandError(f"The name of a key has 1 to {limit} characters.")
        import_module(settings.ROOT_URLCONF)  # registers the methods of all apps
        try:
            wanted = scope(allowed, channels, (method.name for method in methods()))
        except BadScope as error:
            raise CommandError(str(error)) from None
        _, text = keys.issue(name, wanted)
        self.stdout.write(text)

    def _list(self) -> None:
        for row in ApiKey.objects.all():
            state = "revoked" if row.revoked_at else "valid"
            used = f"used {row.last_used_at:%Y-%m-%d %H:%M}" if row.last_used_at else "never used"
            scoped = f"{' '.join(row.methods)} on {' '.join(row.channels)}"
            self.stdout.write(f"{row.pk}  {row.prefix}…  {state}, {used}  {row.name}: {scoped}")

    def _revoke(self, which: str) -> None:
        field = "pk" if which.isascii() and which.isdigit() else "prefix" if which.startswith(keys.SCHEME) else "name"
        value = which.rstrip("…")[: keys.SHOWN_CHARACTERS] if field == "prefix" else which
        count = keys.revoke(ApiKey.objects.filter(**{field: value}))
        if not count:
            raise CommandError("There is no such key that is still valid.")
        self.stderr.write(f"{count} key(s) revoked.", self.style.SUCCESS)
