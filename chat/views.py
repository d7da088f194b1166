from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from chat import actions, queries, rpc
from chat.forms import RoomForm
from chat.names import NO_SUCH_ROOM
from hub import session
from hub.config import hub_settings
from hub.users import User
from hub.web import for_members

ROOMS_OF_A_PAGE = 50


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@for_members
def room_list(request: HttpRequest) -> HttpResponse:
    """The rooms that the visitor may be in, page by page, or those with ``?q=`` in their names; who may, opens one."""
    if request.method != "POST":
        return _room_list(request, RoomForm())
    if not isinstance(request.user, User):
        return redirect_to_login(request.path)
    form = RoomForm(request.POST)
    try:
        room = form.save(request.user) if form.is_valid() else None
    except actions.MayNotOpenRooms:
        raise PermissionDenied from None
    return redirect(room) if room else _room_list(request, form, status=422)


def _room_list(request: HttpRequest, form: RoomForm, status: int = 200) -> HttpResponse:
    wanted = request.GET.get("q", "").strip()
    rooms = queries.rooms(request.user.pk, wanted)
    context = {
        "rooms": Paginator(rooms, ROOMS_OF_A_PAGE).get_page(request.GET.get("page")),
        "wanted": wanted,
        "form": form,
        "offers_rooms": actions.may_open_rooms(request.user) or _may_after_login(request),
    }
    return render(request, "hub/chat/room_list.html", context, status=status)


def _may_after_login(request: HttpRequest) -> bool:
    return not request.user.is_authenticated and hub_settings().room_creation == "authenticated"


@never_cache
@require_safe
@for_members
def room(request: HttpRequest, room_name: str) -> HttpResponse:
    """A room, for those who may be in it, with its last 50 messages; the page goes on live from ``cursor``."""
    found = queries.room_named(room_name, request.user.pk)
    if found is None:
        raise Http404(NO_SUCH_ROOM)
    # The cursor first: a message stored in between is then in both, and the page shows it once.
    cursor = queries.cursor_for(found)
    context = {"room": found, "cursor": cursor, "chat_messages": queries.latest_messages(found)}
    return render(request, "hub/chat/room.html", context)


@require_safe
def messages(request: HttpRequest, room_name: str) -> HttpResponse:
    """What ``chat.messages`` answers, as JSON."""
    return session.answer(request, rpc.list_messages_by_name, rpc.ListMessagesByName, name=room_name)
