"""Periodic tasks in the admin: what their task does not take is refused, and nothing is sent for having been saved.

Neither is a schedule taken that beat could not read.
"""

import json
from datetime import timedelta
from typing import Any

from celery.schedules import ParseException, crontab
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.signals import post_delete, post_save
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django_celery_beat.admin import (
    CrontabScheduleAdmin,
    IntervalScheduleAdmin,
    PeriodicTaskAdmin,
    PeriodicTaskForm,
)
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule

from hub.database.signals import listen
from hub.web import UncutAdmin, UncutForm, page_url
from hub.web.generics import ModelForm
from worker.application import task_named
from worker.arguments import misfit
from worker.schedules import periodic_runs


def connect() -> None:
    """Listen for schedules that are changed, and tasks that are deleted; called once, when the apps are ready."""
    for model, name in ((CrontabSchedule, "crontab"), (SolarSchedule, "solar")):

        def changed(instance: models.Model, name: str = name, **_: Any) -> None:
            # Due times that it did not have when they passed are none (worker.beat).
            PeriodicTask.objects.filter(**{name: instance}).update(date_changed=timezone.now())

        listen(changed, post_save, model, f"worker.{name}_changed")

    def deleted(instance: PeriodicTask, **_: Any) -> None:
        periodic_runs.forget(instance.pk)

    listen(deleted, post_delete, PeriodicTask, "worker.periodic_task_deleted")


def replace_pages() -> None:
    """Put the pages below in the place of the library's. Solar schedules have none: a row that has one keeps it."""
    admin.site.unregister([CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule])
    admin.site.register(CrontabSchedule, HubCrontabAdmin)
    admin.site.register(IntervalSchedule, HubIntervalAdmin)
    admin.site.register(PeriodicTask, HubPeriodicTaskAdmin)


class HubPeriodicTaskForm(UncutForm, PeriodicTaskForm):  # type: ignore[misc]  # a library without types
    """The library's form, which also asks whether the task takes the arguments."""

    def _clean_json(self, field: str) -> Any:
        try:
            return super()._clean_json(field)
        except RecursionError:
            raise ValidationError(_("The lists and objects are nested too deeply.")) from None

    def clean_regtask(self) -> Any:
        # The library takes any text here, which becomes the task's name.
        return self.fields["task"].clean(self.cleaned_data["regtask"])

    def clean(self) -> Any:
        if not {"task", "regtask"} <= self.cleaned_data.keys():
            return self.cleaned_data  # one has its error, and the library asks for both
        data = super().clean()
        if "args" in data and "kwargs" in data:
            task = task_named(data["task"])
            if wrong := misfit(task, json.loads(data["args"]), json.loads(data["kwargs"])):
                self.add_error(*wrong)
        return data


class HubCrontabForm(ModelForm[CrontabSchedule]):
    """Refuses what Celery cannot read, although the library's validators take it, such as day 7 of a week."""

    def clean(self) -> Any:
        data = super().clean()
        for field in ("minute", "hour", "day_of_month", "month_of_year", "day_of_week"):
            if field in self.cleaned_data and not _is_read_by_celery(field, self.cleaned_data[field]):
                self.add_error(
                    field,
                    _("Use numbers, ranges like 1-5, steps like */15, or a list of these like 0,30. Sunday is 0."),
                )
        return data


def _is_read_by_celery(field: str, value: str) -> bool:
    try:
        crontab(**{field: value})
    except (ParseException, ValueError):
        return False
    return True


class HubCrontabAdmin(UncutAdmin, CrontabScheduleAdmin):  # type: ignore[misc]  # a library without types
    """The library's page, which also shows a crontab that cannot be read: with the errors of the form."""

    form = HubCrontabForm

    @admin.display(description=_lazy("human readable"))
    def human_readable(self, row: CrontabSchedule) -> str:
        try:
            return str(row.human_readable)
        except ParseException:
            return str(row)


class HubIntervalForm(ModelForm[IntervalSchedule]):
    """Refuses an interval that is longer than Python counts."""

    def clean(self) -> Any:
        data = super().clean()
        every, period = self.cleaned_data.get("every"), self.cleaned_data.get("period")
        if every is not None and period:
            try:
                timedelta(**{period: every})
            except OverflowError:
                self.add_error("every", _("This interval is too long."))
        return data


class HubIntervalAdmin(UncutAdmin, IntervalScheduleAdmin):  # type: ignore[misc]  # a library without types
    """The library's page, with a form that bounds the interval."""

    form = HubIntervalForm


class HubPeriodicTaskAdmin(UncutAdmin, PeriodicTaskAdmin):  # type: ignore[misc]  # a library without types
    """The library's pages; its actions change rows past ``save()``, which says when somebody did."""

    form = HubPeriodicTaskForm
    # Django's own: the library's has a script inside the page, which the Content-Security-Policy does not let run.
    change_form_template = None

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """The library's, without solar schedules but for a row that has one: nobody sees when they are due."""
        found = super().get_fieldsets(request, obj)
        if obj is not None and obj.solar_id is not None:
            return found
        return [
            (title, {**options, "fields": tuple(name for name in options["fields"] if name != "solar")})
            for title, options in found
        ]

    def view_on_site(self, obj: PeriodicTask) -> str | None:
        """The page that shows what became of its due times; None where the hub's pages are not there."""
        return page_url("hub:schedules:task", obj.pk) or None

    @admin.action(description=PeriodicTaskAdmin.enable_tasks.short_description)
    def enable_tasks(self, request: HttpRequest, queryset: Any) -> None:
        queryset.filter(enabled=False).update(last_run_at=None, date_changed=timezone.now())
        super().enable_tasks(request, queryset)

    @admin.action(description=PeriodicTaskAdmin.toggle_tasks.short_description)
    def toggle_tasks(self, request: HttpRequest, queryset: Any) -> None:
        queryset.update(last_run_at=None, date_changed=timezone.now())
        super().toggle_tasks(request, queryset)

    @admin.action(description=PeriodicTaskAdmin.run_tasks.short_description)
    def run_tasks(self, request: HttpRequest, queryset: Any) -> None:
        for row in queryset:
            if wrong := misfit(task_named(row.task), json.loads(row.args), json.loads(row.kwargs)):
                text = _("%(name)s was not run, nor was any other: %(reason)s") % {
                    "name": row.name,
                    "reason": wrong[1],
                }
                self.message_user(request, text, messages.ERROR)
                return
        super().run_tasks(request, queryset)
