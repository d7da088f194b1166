"""Jobs in the admin: seen, sent again, given up. They are made by calling a task."""

from django.apps import apps
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from hub.web.generics import ModelAdmin
from worker import sending
from worker.application import has_our_scheduler
from worker.models import Job

if apps.is_installed("django_celery_beat") and has_our_scheduler():
    from worker import periodic_tasks

    periodic_tasks.replace_pages()


@admin.register(Job)
class JobAdmin(ModelAdmin[Job]):
    """What is owed, and what failed for good and why. Deleting a job gives it up; one that runs is not stopped."""

    list_display = ("created_at", "task", "due_at", "starts", "failed_at", "error")
    list_filter = (("failed_at", admin.EmptyFieldListFilter), "task")
    search_fields = ("id", "task", "error")
    fields = ("id", "task", "arguments", "created_at", "due_at", "expires_at", "starts", "failed_at", "error")
    actions = ("send_again",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Job | None = None) -> tuple[str, ...]:
        return self.fields

    @admin.action(description=_("Send the selected jobs again that have failed"), permissions=["change"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        count = sending.retry(list(queryset.values_list("pk", flat=True)))
        text = ngettext("%(count)d job begins anew.", "%(count)d jobs begin anew.", count) % {"count": count}
        self.message_user(request, text, messages.SUCCESS if count else messages.WARNING)
