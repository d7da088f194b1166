"""The addresses of the hub's pages, any of which a project may leave out."""

from django.urls import NoReverseMatch, reverse


def page_url(name: str, *args: object) -> str:
    """The address of a page, by the name of its URL such as ``hub:chat:rooms``; empty where there is no such page."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""
