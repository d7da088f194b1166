from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from hub.accounts import tokens
from hub.accounts.models import AccessToken

#: Days of a token at most.
LONGEST = 36_500


class Command(BaseCommand):
    help = "Issue an access token for a user and print it, this once, to standard output; or revoke the user's tokens."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", help="what the user logs in with, such as the username")
        parser.add_argument("--name", default="", help="what the token is for; with --revoke, which tokens to revoke")
        parser.add_argument("--days", type=int, help="days after which the token ends; without it, never")
        parser.add_argument("--revoke", action="store_true", help="revoke the user's tokens instead of issuing one")

    def handle(self, *args: Any, user: str, name: str, revoke: bool, days: int | None = None, **options: Any) -> None:
        try:
            owner = get_user_model()._default_manager.get_by_natural_key(user)
        except get_user_model().DoesNotExist:
            raise CommandError(f"There is no user named {user!r}.") from None
        if revoke:
            chosen = AccessToken.objects.filter(user=owner)
            count = tokens.revoke(chosen.filter(name=name) if name else chosen)
            self.stderr.write(f"{count} token(s) of {user} revoked.", self.style.SUCCESS)
            return
        if not owner.is_active:
            raise CommandError(f"The account {user!r} is not active, so a token for it would not work.")
        limit = AccessToken._meta.get_field("name").max_length
        if limit is not None and len(name) > limit:
            raise CommandError(f"The name of a token has at most {limit} characters.")
        if days is not None and not 1 <= days <= LONGEST:
            raise CommandError(f"A token ends after 1 to {LONGEST} days.")
        expires_at = None if days is None else timezone.now() + timedelta(days=days)
        self.stdout.write(tokens.issue(owner, name, expires_at=expires_at))
