"""The addresses of client connections where Django answers them: the process does not run what ``hub.mount`` made."""

from collections.abc import Iterable, Iterator

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.views.decorators.csrf import csrf_exempt

from hub.logs import get_logger

log = get_logger(__name__)

SENTENCE = (
    "This process serves no client connections: start your ASGI application, which hub.mount() made, with "
    "'python -m hub.server myproject.asgi:application', and let requests for the hub reach it.\n"
)

_WEBSOCKETS = ("connection/websocket", "ws/")


def urls(endpoints: Iterable[str]) -> Iterator[URLPattern]:
    """The URLs of these endpoints, with a view that says so."""
    for name in endpoints:
        yield path(name, say, {"name": name})
        yield path(f"{name}/", say, {"name": name})
        if name == "ws/chat":
            yield path(f"{name}/<path:room>", say, {"name": name})


@csrf_exempt
def say(request: HttpRequest, name: str, room: str = "") -> HttpResponse:
    """501 with the sentence, also in the log. To the address of a WebSocket only where one was asked for, else 404."""
    if name.startswith(_WEBSOCKETS) and request.headers.get("Upgrade", "").lower() != "websocket":
        raise Http404
    log.warning("client_connections_not_served", path=request.path, hint=SENTENCE.strip())
    return HttpResponse(SENTENCE, status=501, content_type="text/plain")
