from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from chat import queries, rpc
from chat.forms import RoomForm
from hub.connection import over_http


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def room_list(request: HttpRequest) -> HttpResponse:
    """All rooms; signed-in users make new ones."""
    if request.method != "POST":
        return render(request, "chat/room_list.html", {"rooms": queries.rooms(request.user.pk), "form": RoomForm()})
    if not request.user.is_authenticated:
        return redirect_to_login(request.path)
    form = RoomForm(request.POST)
    if form.is_valid() and (room := form.save(request.user)):
        return redirect(room)
    return render(request, "chat/room_list.html", {"rooms": queries.rooms(request.user.pk), "form": form}, status=422)


@never_cache
@require_safe
def room(request: HttpRequest, room_name: str) -> HttpResponse:
    """A room, for those who may be in it, with its last 50 messages; the page goes on live from ``cursor``."""
    found = queries.room_named(room_name, request.user.pk)
    if found is None:
        raise Http404(_("There is no such room."))
    # The cursor first: a message stored in between is then in both, and the page shows it once.
    cursor = queries.cursor_for(found)
    context = {"room": found, "cursor": cursor, "chat_messages": queries.latest_messages(found)}
    return render(request, "chat/room.html", context)


@require_safe
def messages(request: HttpRequest, room_name: str) -> HttpResponse:
    """What ``chat.messages`` answers, as JSON."""
    return over_http.answer(request, rpc.list_messages_by_name, rpc.ListMessagesByName, name=room_name)
