"""Schedules and their history in the admin: seen, paused, resumed, deleted. Pages and code make and change them."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from hub.users import User
from hub.web import page_url
from hub.web.generics import ModelAdmin
from worker.schedules import changing, wording
from worker.schedules.models import Schedule, ScheduleRun
from worker.schedules.permissions import may_send


class _SeenOnly(ModelAdmin[Any]):
    """Rows that only the code of schedules writes: what is due follows from several columns at once."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields


@admin.register(Schedule)
class ScheduleAdmin(_SeenOnly):
    """What is sent, to whom and when. Deleting one deletes its history, and cancels what waits for local times."""

    list_display = ("__str__", "sentence", "key", "next_at", "is_paused", "sent_runs", "problem")
    list_filter = ("is_paused", "missed")
    search_fields = ("name", "key")
    ordering = ("is_paused", "next_at", "pk")
    fields = (
        *(
            "page",
            "name",
            "key",
            "made_by",
            "sentence",
            "contents",
            "rule",
            "zone",
            "starts_at",
            "ends_at",
            "max_runs",
        ),
        *("missed", "grace", "is_paused", "next_at", "sent_runs", "attempts", "tried_error", "problem", "created_at"),
    )
    actions = ("pause", "resume")

    @admin.display(description=_("due"))
    def sentence(self, row: Schedule) -> str:
        """When it is due, in words."""
        return wording.capital(wording.sentence_of(row))

    @admin.display(description=_("page"))
    def page(self, row: Schedule) -> str:
        """Where it is changed; nothing where the pages of schedules are left out."""
        address = page_url("hub:schedules:one", row.pk)
        return format_html('<a href="{}">{}</a>', address, row) if address else "–"

    @admin.action(description=_("Pause the selected schedules"), permissions=["change"])
    def pause(self, request: HttpRequest, queryset: QuerySet[Schedule]) -> None:
        rows = list(queryset.filter(is_paused=False))
        for row in rows:
            changing.pause(row)
        text = ngettext("%(count)d schedule is paused.", "%(count)d schedules are paused.", len(rows))
        self.message_user(request, text % {"count": len(rows)}, messages.SUCCESS if rows else messages.WARNING)

    @admin.action(description=_("Resume the selected schedules"), permissions=["send"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Schedule]) -> None:
        rows = list(queryset.filter(is_paused=True))
        for row in rows:
            changing.resume(row)
        text = ngettext("%(count)d schedule goes on.", "%(count)d schedules go on.", len(rows))
        self.message_user(request, text % {"count": len(rows)}, messages.SUCCESS if rows else messages.WARNING)

    def has_send_permission(self, request: HttpRequest) -> bool:
        """Whether this person may have a schedule send, as on the pages."""
        return isinstance(request.user, User) and may_send(request.user)

    def delete_model(self, request: HttpRequest, obj: Schedule) -> None:
        changing.delete([obj])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Schedule]) -> None:
        changing.delete(queryset)


@admin.register(ScheduleRun)
class ScheduleRunAdmin(_SeenOnly):
    """What became of the due times of all schedules."""

    list_display = ("schedule", "due_at", "status", "seconds_late", "recipients", "received", "is_by_hand", "error")
    list_filter = ("status", "is_by_hand", ("due_at", admin.DateFieldListFilter))
    list_select_related = ("schedule",)
    search_fields = ("=schedule__id", "schedule__name", "schedule__key", "error")
    date_hierarchy = "due_at"
    fields = (
        *("schedule", "due_at", "ran_at", "seconds_late", "status", "is_by_hand", "recipients", "received"),
        *("notifications", "error"),
    )

    @admin.display(description=_("late by (seconds)"))
    def seconds_late(self, row: ScheduleRun) -> str:
        """How late it was sent."""
        return f"{row.late_by:.1f}" if row.status == "sent" else ""
