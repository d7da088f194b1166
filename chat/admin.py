from django.contrib import admin

from chat.models import Message, Room
from hub.admin import PublishedAdmin


@admin.register(Room)
class RoomAdmin(admin.ModelAdmin[Room]):
    """Rooms; deleting one deletes its messages."""

    list_display = ("name", "is_private", "created_by", "created_at")
    list_select_related = ("created_by",)
    search_fields = ("name",)
    list_filter = ("is_private",)
    filter_horizontal = ("members",)
    readonly_fields = ("created_by", "created_at")


@admin.register(Message)
class MessageAdmin(PublishedAdmin[Message]):
    """What people wrote."""

    list_display = ("created_at", "room", "username", "text")
    list_select_related = ("room",)
    list_filter = ("room",)
    search_fields = ("text", "username")
    readonly_fields = ("room", "author", "username", "text", "created_at")
