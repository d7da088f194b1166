from typing import Any

from django.core.management.base import BaseCommand

from hub.endpoints.centrifuge import asyncapi


class Command(BaseCommand):
    help = "Print the contract of the client connection as an AsyncAPI document; docs/asyncapi.json is what it prints."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(asyncapi.text(), ending="")
