"""Periodic tasks in the admin: what their task does not take is refused, and nothing is sent for having been saved."""

import json
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.signals import post_save
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django_celery_beat.admin import PeriodicTaskAdmin, PeriodicTaskForm
from django_celery_beat.models import CrontabSchedule, PeriodicTask, SolarSchedule

from hub.database.signals import listen
from worker.arguments import misfit
from worker.celery import app


def connect() -> None:
    """Listen for schedules that are changed; called once, when the apps are ready."""
    for model, name in ((CrontabSchedule, "crontab"), (SolarSchedule, "solar")):

        def changed(instance: models.Model, name: str = name, **_: Any) -> None:
            # Due times that it did not have when they passed are none (worker.beat).
            PeriodicTask.objects.filter(**{name: instance}).update(date_changed=timezone.now())

        listen(changed, post_save, model, f"worker.{name}_changed")


class HubPeriodicTaskForm(PeriodicTaskForm):  # type: ignore[misc]  # a library without types
    """The library's form, which also asks whether the task takes the arguments."""

    def _clean_json(self, field: str) -> Any:
        try:
            return super()._clean_json(field)
        except RecursionError:
            raise ValidationError(_("The lists and objects are nested too deeply.")) from None

    def clean(self) -> Any:
        data = super().clean()
        if "args" in data and "kwargs" in data:
            app.loader.import_default_modules()
            task = app.tasks.get(data["task"])
            if wrong := misfit(task, json.loads(data["args"]), json.loads(data["kwargs"])):
                self.add_error(*wrong)
        return data


class HubPeriodicTaskAdmin(PeriodicTaskAdmin):  # type: ignore[misc]  # a library without types
    """The library's pages; its actions change rows past ``save()``, which says when somebody did."""

    form = HubPeriodicTaskForm
    # Django's own: the library's has a script inside the page, which the Content-Security-Policy does not let run.
    change_form_template = None

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
        app.loader.import_default_modules()
        for row in queryset:
            if wrong := misfit(app.tasks.get(row.task), json.loads(row.args), json.loads(row.kwargs)):
                text = _("%(name)s was not run, nor was any other: %(reason)s") % {
                    "name": row.name,
                    "reason": wrong[1],
                }
                self.message_user(request, text, messages.ERROR)
                return
        super().run_tasks(request, queryset)
