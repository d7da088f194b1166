"""Which addresses of alerts become links on a page."""

from django import template

register = template.Library()


@register.filter
def link_target(url: object) -> str:
    """``url`` if a page may link to it: an http(s) address or a path of this site; else an empty string.

    ``static/hub/js/components/links.js`` draws the same line for alerts that arrive live.
    """
    text = str(url or "")
    path = text.startswith("/") and not text.startswith(("//", "/\\"))
    return text if path or text.lower().startswith(("https://", "http://")) else ""
