from typing import Any

from django.contrib.auth.management.commands import createsuperuser
from django.core.exceptions import ValidationError

from hub.accounts import usernames


class Command(createsuperuser.Command):
    """Django's, with the hub's rules for names."""

    def _validate_username(self, username: str, verbose_field_name: Any, database: str) -> str | None:
        wrong: str | None = super()._validate_username(username, verbose_field_name, database)  # type: ignore[misc]  # not in the stubs
        if wrong is None and usernames.are_used():
            try:
                usernames.validate(username, official=True)
            except ValidationError as error:
                return "; ".join(error.messages)
        return wrong
