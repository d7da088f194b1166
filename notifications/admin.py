from django.contrib import admin
from django.http import HttpRequest

from hub.admin import PublishedAdmin
from notifications.models import Notification


@admin.register(Notification)
class NotificationAdmin(PublishedAdmin[Notification]):
    """What was sent, to whom; read only, because what people have seen cannot be changed here."""

    list_display = ("created_at", "level", "title", "message", "user", "group", "sender")
    list_filter = ("level", "created_at")
    list_select_related = ("user", "group", "sender")
    search_fields = ("title", "message", "user__username")
    date_hierarchy = "created_at"

    def has_change_permission(self, request: HttpRequest, obj: Notification | None = None) -> bool:
        return False
