from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from hub.privacy import erase
from hub.users import users_by_id


class Command(BaseCommand):
    help = (
        "Erase what the hub holds of people, in all tables and histories. What they wrote for others is removed, "
        "loses their name or stays, as HUB_ERASED_TEXTS says. There is no way back."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("id", nargs="+", help="what the person is called outside: the product's id, or the key")
        account = parser.add_mutually_exclusive_group()
        account.add_argument(
            "--account",
            action="store_true",
            default=None,
            help="delete the user as well (default: where it is of the hub)",
        )
        account.add_argument("--keep-account", action="store_false", dest="account", help="leave the user")
        parser.add_argument("--no-input", action="store_true", help="do not ask")

    def handle(self, *args: Any, account: bool | None, no_input: bool, **options: Any) -> None:
        ids = list(dict.fromkeys(options["id"]))
        people = users_by_id(ids)
        if missing := [one for one in ids if one not in people]:
            raise CommandError(f"There is nobody with the id {', '.join(missing)}; nobody was erased.")
        number = f"{len(people)} {'person' if len(people) == 1 else 'people'}"
        if not no_input and input(f"Erase {number} for good? Write yes: ") != "yes":
            raise CommandError("Nobody was erased.")
        for person in people.values():
            erase(person, account=account)
        self.stderr.write(f"{number} erased.", self.style.SUCCESS)
        if account is None and users_by_id(ids):
            self.stderr.write("The account stays, because it is the project's own: --account deletes it.")
