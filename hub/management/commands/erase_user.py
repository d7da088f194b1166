from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from hub.management.people import HELP, Nobody, people_named
from hub.privacy import erase
from hub.users import User, all_users, display_name, user_id


class Command(BaseCommand):
    help = (
        "Erase what the hub holds of people, in all tables and histories. What they wrote for others is removed, "
        "loses their name or stays, as HUB_ERASED_TEXTS says. There is no way back."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("id", nargs="+", help=HELP)
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
        try:
            people = people_named(options["id"])
        except Nobody as error:
            raise CommandError(f"{error} Nobody was erased.") from None
        keys = [person.pk for person in people]
        number = f"{len(people)} {'person' if len(people) == 1 else 'people'}"
        if not no_input and input(f"Erase {number} for good: {_named(people)}? Write yes: ") != "yes":
            raise CommandError("Nobody was erased.")
        for person in people:
            erase(person, account=account)
        self.stderr.write(f"{number} erased.", self.style.SUCCESS)
        if account is None and all_users().filter(pk__in=keys).exists():
            self.stderr.write("The account stays, because it is the project's own: --account deletes it.")


def _named(people: list[User]) -> str:
    names = [f"{display_name(person)} ({user_id(person)})" for person in people[:5]]
    return ", ".join(names + ["…"] * (len(people) > 5))
