from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html

from hub.web.widgets import bundle


class Command(BaseCommand):
    help = "Print the element that loads this very version of the widgets on a page of another origin, and no other."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "hub", nargs="?", default="", help="the hub's scheme and host, such as https://hub.example.com"
        )

    def handle(self, *args: Any, hub: str, **options: Any) -> None:
        try:
            built = bundle.load()
            address = hub.rstrip("/") + reverse("hub:widgets_version", args=[built.version])
        except bundle.NotBuilt as fault:
            raise CommandError(str(fault)) from None
        except NoReverseMatch:
            raise CommandError("HUB_ENDPOINTS has no 'widgets'.") from None
        element = '<script type="module" src="{}" integrity="{}" crossorigin="anonymous"></script>'
        self.stdout.write(format_html(element, address, built.integrity))
