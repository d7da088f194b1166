from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from hub import streams
from hub.models import Stream


class Command(BaseCommand):
    help = (
        "Give all streams, or the named ones, a new epoch, after a backup was restored: "
        "clients reload instead of trusting offsets of a history that is gone."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("channel", nargs="*", help="such as everyone or user:42; all where none is named")

    def handle(self, *args: Any, **options: Any) -> None:
        channels: list[str] = options["channel"]
        known = set(Stream.objects.filter(channel__in=channels).values_list("channel", flat=True))
        if unknown := [channel for channel in channels if channel not in known]:
            raise CommandError(f"There is no stream of {', '.join(unknown)}; nothing was changed.")
        self.stdout.write(f"{streams.renew(channels or None)} streams have a new epoch.")
