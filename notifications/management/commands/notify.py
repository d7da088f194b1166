import json
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from hub.publishing import flush
from notifications import sources
from notifications.models import Level
from notifications.sending.actions import notify
from notifications.sending.alerting import BadAlert


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ArgumentTypeError(f"this is no JSON: {error}") from None


class Command(BaseCommand):
    help = "Send an alert to the pages that are open and store it for those that are not."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("message", help="what it says, 1 to 4,000 characters; '' for a kind that says it")
        parser.add_argument(
            "--to",
            required=True,
            action="append",
            help="everyone, members, the id of a person, user:NAME, group:NAME, topic:NAME, audience:NAME or "
            "permission:APP.CODENAME; may be given several times",
        )
        parser.add_argument("--title", default="")
        parser.add_argument("--level", choices=Level.values)
        parser.add_argument("--key", help="what it is about: each recipient gets one alert of a key, ever")
        parser.add_argument("--kind", help="the name of a kind")
        parser.add_argument("--params", type=_json, help="the values for the kind's placeholders, as a JSON object")
        parser.add_argument("--url", default="", help="http(s)://… or a path of this site")

    def handle(self, *args: Any, **options: Any) -> None:
        names = ("message", "to", "title", "url", "key", "kind", "params")
        fields = {name: options[name] for name in names}
        if options["level"] is not None:
            fields["level"] = options["level"]
        try:
            with sources.acting(sources.COMMAND, "notify"):
                rows = notify(**fields)
        except BadAlert as error:
            raise CommandError(str(error)) from None
        flush()
        self.stdout.write(f"Sent to {', '.join(options['to'])} ({len(rows)} stored).")
