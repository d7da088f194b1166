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
from worker.models import Job, TrackedJob
from worker.schedules import admin as schedules  # noqa: F401  # registers its own
from worker.tracking import cancelling

if apps.is_installed("django_celery_beat") and has_our_scheduler():
    from worker import periodic_tasks

    periodic_tasks.replace_pages()


@admin.register(Job)
class JobAdmin(ModelAdmin[Job]):
    """What is owed, and what failed for good and why. Deleting a job gives it up; one that runs is not stopped."""

    list_display = ("created_at", "task", "queue", "due_at", "starts", "failed_at", "error")
    list_filter = (("failed_at", admin.EmptyFieldListFilter), "queue", "task")
    search_fields = ("id", "task", "error")
    fields = ("id", "task", "arguments", "queue", "created_at", "due_at", "expires_at", "starts", "failed_at", "error")
    actions = ("send_again",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Job | None = None) -> tuple[str, ...]:
        return self.fields

    @admin.action(description=_("Send the selected jobs again that have failed"), permissions=["change"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        count = sending.retry(list(queryset.values_list("pk", flat=True)))
        text = ngettext("%(count)d job begins again.", "%(count)d jobs begin again.", count) % {"count": count}
        self.message_user(request, text, messages.SUCCESS if count else messages.WARNING)


@admin.register(TrackedJob)
class TrackedJobAdmin(ModelAdmin[TrackedJob]):
    """What people watch: the lives of jobs, whoever started them. They are made by calling a job."""

    list_display = ("created_at", "title", "owner", "state", "text", "ended_at", "error")
    list_filter = ("state", "source", "task")
    list_select_related = ("owner",)
    search_fields = ("id", "title", "task", "error")
    fields = (
        *("id", "title", "task", "arguments", "owner", "parent", "repeats", "queue", "state", "runs", "text", "log"),
        *("result_text", "result_url", "error", "created_at", "started_at", "ended_at"),
    )
    actions = ("cancel",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: TrackedJob | None = None) -> tuple[str, ...]:
        return self.fields

    @admin.action(description=_("Cancel the selected jobs"), permissions=["change"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[TrackedJob]) -> None:
        count = sum(cancelling.cancel(row) for row in queryset.filter(ended_at=None))
        text = ngettext("%(count)d job is cancelled.", "%(count)d jobs are cancelled.", count) % {"count": count}
        self.message_user(request, text, messages.SUCCESS if count else messages.WARNING)
