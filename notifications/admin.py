from functools import partial
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _

from hub.admin import PublishedAdmin, people_with_search
from hub.users import searched_by
from hub.web.generics import ModelAdmin
from notifications.kind_previews import previews
from notifications.kinds.declaring import declared
from notifications.models import Distribution, FailedCall, Follow, Notification, ScheduledAlert, Topic, Withdrawal
from notifications.oversight import pages
from notifications.saved_rules import admin as _of_saved_rules  # noqa: F401  # registers itself
from notifications.sending import distributing, scheduling, withdrawing


class KindFilter(admin.SimpleListFilter):
    """By the kinds that are declared: which ones occur would take a look at all rows."""

    title = _("kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(kind.name, kind.label) for kind in declared()]

    def queryset(self, request: HttpRequest, rows: QuerySet[Notification]) -> QuerySet[Notification]:
        return rows.filter(kind=self.value()) if self.value() else rows


@admin.register(Notification)
class NotificationAdmin(PublishedAdmin[Notification]):
    """What was sent, to whom; read only, because what people have seen cannot be changed here."""

    change_list_template = "admin/hub/notification/change_list.html"
    change_form_template = "admin/hub/notification/change_form.html"
    list_display = ("created_at", "level", "kind", "title", "message", "user", "group", "topic", "audience", "source")
    readonly_fields = ("audience", "kind", "key", "source", "created_at", "expires_at")
    list_filter = ("level", KindFilter, "created_at")
    list_select_related = ("user", "group", "topic", "sender")
    search_fields = ("title", "message", searched_by("user"))
    date_hierarchy = "created_at"

    def has_change_permission(self, request: HttpRequest, obj: Notification | None = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        view, name = self.admin_site.admin_view, "hub_notifications_notification"
        return [
            path("kinds/", view(self.kinds), name=f"{name}_kinds"),
            path("compose/", view(partial(pages.compose, self)), name=f"{name}_compose"),
            path("people/", view(partial(pages.person, self)), name=f"{name}_person"),
            path("<int:pk>/report/", view(partial(pages.report, self)), name=f"{name}_report"),
            *super().get_urls(),
        ]

    def kinds(self, request: HttpRequest) -> HttpResponse:
        """The texts of all kinds, with example values, in each language."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": _("Kinds of notifications"),
            "opts": self.opts,
            "previews": list(previews()),
        }
        return TemplateResponse(request, "admin/hub/notification/kinds.html", context)


@admin.register(Distribution)
class DistributionAdmin(PublishedAdmin[Distribution]):
    """Notifications that a job gives to many people, and how far it is."""

    list_display = ("notification", "audience", "reached", "total", "moved_at", "finished_at", "failure")
    list_filter = (("finished_at", admin.EmptyFieldListFilter), ("failure", admin.EmptyFieldListFilter))
    list_select_related = ("notification",)
    search_fields = ("notification__title", "notification__message")
    actions = ("start_again",)
    fields = list_display
    readonly_fields = list_display

    def has_change_permission(self, request: HttpRequest, obj: Distribution | None = None) -> bool:
        return False

    def has_start_permission(self, request: HttpRequest) -> bool:
        """Whether they may start distributions again."""
        return request.user.has_perm("hub_notifications.change_distribution")

    @admin.action(description=_("Start the selected distributions again that have failed"), permissions=["start"])
    def start_again(self, request: HttpRequest, selected: QuerySet[Distribution]) -> None:
        """They go on where they stopped."""
        for one in selected:
            distributing.start_again(one.pk)

    @admin.display(description=_("audience"), ordering="notification__audience")
    def audience(self, distribution: Distribution) -> str:
        """To whom it goes."""
        return distribution.notification.audience


@admin.register(Withdrawal)
class WithdrawalAdmin(PublishedAdmin[Withdrawal]):
    """Notifications that a job takes back from many people; they are here until it has ended."""

    list_display = ("notification_id", "moved_at", "failure")
    list_filter = (("failure", admin.EmptyFieldListFilter),)
    actions = ("start_again",)
    fields = list_display
    readonly_fields = list_display

    def has_change_permission(self, request: HttpRequest, obj: Withdrawal | None = None) -> bool:
        return False

    def has_start_permission(self, request: HttpRequest) -> bool:
        """Whether they may start withdrawals again."""
        return request.user.has_perm("hub_notifications.change_withdrawal")

    @admin.action(description=_("Start the selected withdrawals again that have failed"), permissions=["start"])
    def start_again(self, request: HttpRequest, selected: QuerySet[Withdrawal]) -> None:
        """They go on where they stopped."""
        for one in selected:
            withdrawing.start_again(one.pk)


@admin.register(ScheduledAlert)
class ScheduledAlertAdmin(ModelAdmin[ScheduledAlert]):
    """Notifications whose time has not come; deleting one cancels it."""

    list_display = ("due_at", "__str__", "key", "source", "created_at", "failure")
    list_filter = ("due_at", ("failure", admin.EmptyFieldListFilter))
    search_fields = ("key",)
    actions = ("start_again",)
    fields = ("due_at", "key", "recipients", "contents", "source", "created_at", "failure")
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: ScheduledAlert | None = None) -> bool:
        return False

    def has_start_permission(self, request: HttpRequest) -> bool:
        """Whether they may start scheduled notifications again."""
        return request.user.has_perm("hub_notifications.change_scheduledalert")

    @admin.action(description=_("Send the selected notifications again that have failed"), permissions=["start"])
    def start_again(self, request: HttpRequest, selected: QuerySet[ScheduledAlert]) -> None:
        """They are sent now."""
        for one in selected:
            scheduling.start_again(one)


@admin.register(FailedCall)
class FailedCallAdmin(ModelAdmin[FailedCall]):
    """Rules that failed, and calls over HTTP that were refused; who has seen one may delete it."""

    list_display = ("last_at", "source", "what", "error", "times", "created_at")
    list_filter = ("last_at",)
    search_fields = ("source", "what", "error")
    fields = list_display
    readonly_fields = list_display

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: FailedCall | None = None) -> bool:
        return False


@admin.register(Topic)
class TopicAdmin(ModelAdmin[Topic]):
    """Topics; deleting one deletes its alerts. The channel has the topic's name, so that stays as it was made."""

    list_display = ("title", "name", "is_open", "followers", "created_at")
    list_filter = ("is_open",)
    search_fields = ("title", "name")
    readonly_fields = ("created_at",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Topic]:
        return super().get_queryset(request).annotate(number=Count("follows"))

    def get_readonly_fields(self, request: HttpRequest, obj: Topic | None = None) -> tuple[str, ...]:
        return ("name", *self.readonly_fields) if obj else self.readonly_fields

    @admin.display(description=_("followers"), ordering="number")
    def followers(self, topic: Topic) -> int:
        """How many people follow it."""
        return int(getattr(topic, "number", 0))


@admin.register(Follow)
class FollowAdmin(ModelAdmin[Follow]):
    """Who follows what: the place to put people on a closed topic, and to take them off."""

    list_display = ("user", "topic", "created_at")
    list_filter = ("topic",)
    list_select_related = ("user", "topic")
    search_fields = (searched_by("user"), "topic__name", "topic__title")
    autocomplete_fields = ("topic",)
    raw_id_fields = ("user",)

    def get_autocomplete_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return (*super().get_autocomplete_fields(request), *people_with_search(self, "user"))

    def has_change_permission(self, request: HttpRequest, obj: Follow | None = None) -> bool:
        return False
