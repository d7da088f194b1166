"""Whether a project's URLs lead to the hub's, and what stands in the way."""

from collections.abc import Iterator

from django.urls import Resolver404, URLResolver, get_resolver, get_script_prefix, resolve

from hub.web.addresses import page_url

NOT_INCLUDED = "The project's URLs do not include the hub's: add path('hub/', include('hub.urls')) to its urlpatterns."

#: Of these addresses only the hub answers: at its root may be a page of the project's.
_OWN = ("hub:widgets", "hub:notifications:list")


def fault() -> str:
    """Why the names of the hub's URLs lead nowhere; empty where they lead somewhere."""
    if page_url("hub:root"):
        return ""
    for above in _namespaces(get_resolver()):
        if above:
            name = ":".join(above)
            return (
                f"The project's URLs include the hub's inside the namespace {name!r}, so that nothing finds them by "
                "their names: include 'hub.urls' outside of it, such as in the module that ROOT_URLCONF names."
            )
    return NOT_INCLUDED


def hidden() -> str:
    """An address of the hub's that other URLs of the project answer; empty where there is none."""
    for address in filter(None, map(page_url, _OWN)):
        try:
            found = resolve("/" + address.removeprefix(get_script_prefix()))
        except Resolver404:
            continue
        if "hub" not in found.app_names:
            return address
    return ""


def _namespaces(resolver: URLResolver, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """For each place where the hub's URLs are included, the namespaces around it."""
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            if pattern.app_name == "hub":
                yield above
            else:
                yield from _namespaces(pattern, (*above, pattern.namespace) if pattern.namespace else above)
