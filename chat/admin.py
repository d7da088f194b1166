from typing import Any, cast

from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.translation import gettext as _

from chat.models import Message, Room
from hub.admin import PublishedAdmin
from hub.users import User
from hub.web.generics import ModelAdmin


@admin.register(Room)
class RoomAdmin(ModelAdmin[Room]):
    """Rooms; deleting one deletes its messages.

    Who makes a private room here is its creator and no member, unless they say so: it may be for others alone.
    """

    list_display = ("name", "is_private", "created_by", "created_at")
    list_select_related = ("created_by",)
    search_fields = ("name",)
    list_filter = ("is_private",)
    filter_horizontal = ("members",)
    readonly_fields = ("created_by", "created_at")

    def save_model(self, request: HttpRequest, obj: Room, form: Any, change: bool) -> None:
        if not change:
            obj.created_by = cast("User", request.user)
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        room: Room = form.instance
        if room.is_private and not room.members.filter(is_active=True).exists():
            text = _(
                "Nobody can open the private room “%(room)s”: it has no active members. "
                "Add some, and yourself if you want to read it."
            )
            self.message_user(request, text % {"room": room.name}, messages.WARNING)


@admin.register(Message)
class MessageAdmin(PublishedAdmin[Message]):
    """What people wrote."""

    list_display = ("created_at", "room", "username", "text")
    list_select_related = ("room",)
    list_filter = ("room",)
    search_fields = ("text", "username")
    readonly_fields = ("room", "author", "username", "text", "created_at")
