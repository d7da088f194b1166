"""Where people make rules, and look at what these would say."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _

from hub.web.generics import InlineFormSet, ModelAdmin, ModelForm, TabularInline
from notifications.kinds.declaring import declared
from notifications.saved_rules import opening, previewing, trials
from notifications.saved_rules.models import Outcome, RuleState, SavedRule, SavedRuleCondition
from notifications.saved_rules.reading import (
    CONDITIONS_LIMIT,
    BadSavedRule,
    comparison,
    ready,
    refuse_unknown_recipients,
)


class SavedRuleForm(ModelForm[SavedRule]):
    """Refuses what a rule cannot be, beside the field that says it."""

    model = forms.ChoiceField(label=_("Model"))
    kind = forms.ChoiceField(label=_("Kind"), required=False)

    class Meta:
        model = SavedRule
        exclude = ()
        widgets: ClassVar = {name: forms.Textarea(attrs={"rows": 4}) for name in ("recipients", "message", "values")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "model" in self.fields:
            usable = [one for label, one in sorted(opening.opened.items()) if one.is_usable]
            field = self.fields["model"]
            field.choices = [(one.label, one.label) for one in usable]  # type: ignore[attr-defined]  # of a select
            field.help_text = " · ".join(
                f"{one.label}: {', '.join(one.fields)} ({', '.join(one.recipients) or '–'})" for one in usable
            )

        if "kind" in self.fields:
            kinds = self.fields["kind"]
            names = {"": "–"} | {kind.name: f"{kind.label} ({kind.name})" for kind in declared()}
            # What no app declares any more stays, and the page says what is wrong with it.
            names.setdefault(self.instance.kind, self.instance.kind)
            kinds.choices = list(names.items())  # type: ignore[attr-defined]  # of a select
            kinds.help_text = SavedRule._meta.get_field("kind").help_text

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        names = {field.name for field in SavedRule._meta.concrete_fields}
        if self.errors:
            return cleaned
        try:
            rule = ready(SavedRule(**{name: value for name, value in cleaned.items() if name in names}), ())
            refuse_unknown_recipients(rule)
        except BadSavedRule as error:
            self.add_error(error.field, str(error))
        return cleaned


class ConditionForms(InlineFormSet[SavedRuleCondition, SavedRule, Any]):
    """The conditions of one rule."""

    def add_fields(self, form: Any, index: int | None) -> None:
        """Name each field: in a table the labels stand in its head, which screen readers do not read for a field."""
        super().add_fields(form, index)
        for field in form.fields.values():
            field.widget.attrs["aria-label"] = field.label

    def clean(self) -> None:
        super().clean()
        model = opening.opened.get(self.instance.model)
        for form in self.forms:
            if model is None or form.errors or not form.has_changed() or form.cleaned_data.get("DELETE"):
                continue
            try:
                comparison(model, form.instance)
            except BadSavedRule as error:
                form.add_error(error.field, str(error))


class ConditionInline(TabularInline[SavedRuleCondition, SavedRule]):
    """A condition in a line of the rule's page."""

    model = SavedRuleCondition
    formset = ConditionForms
    extra = 1
    max_num = CONDITIONS_LIMIT
    # As wide as Django makes them, six columns have no room beside the menu.
    formfield_overrides: ClassVar = {models.CharField: {"widget": forms.TextInput(attrs={"size": 16})}}

    # A rule without its conditions is another rule: who may see, make or change one has all of it.

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _may(request, "view") or _may(request, "change")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _may(request, "change" if obj else "add")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _may(request, "change" if obj else "add")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _may(request, "change" if obj else "add")


def _may(request: HttpRequest, action: str) -> bool:
    """Whether somebody has this permission for rules."""
    return bool(request.user.has_perm(f"{SavedRule._meta.app_label}.{action}_savedrule"))


@admin.register(SavedRule)
class SavedRuleAdmin(ModelAdmin[SavedRule]):
    """Rules without code. Whoever may change one can read what rules may read (``open_to_rules``)."""

    form = SavedRuleForm
    change_form_template = "admin/hub/savedrule/change_form.html"
    inlines = (ConditionInline,)
    list_display = ("name", "model", "state", "times_fired", "fired_at", "last_error")
    list_filter = ("state", ("last_error", admin.EmptyFieldListFilter))
    search_fields = ("name", "message")
    readonly_fields = ("times_fired", "fired_at", "last_error", "failed_at")
    actions = ("switch_on", "try_out", "switch_off")

    def get_urls(self) -> list[URLPattern]:
        pages = {"preview": self.preview, "trial": self.trial}
        return [
            *(
                path(f"<int:pk>/{name}/", self.admin_site.admin_view(page), name=f"hub_notifications_savedrule_{name}")
                for name, page in pages.items()
            ),
            *super().get_urls(),
        ]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """What was kept of a trial is of the rule as it is: another rule begins with none."""
        super().save_related(request, form, formsets, change)
        if set(form.changed_data) - {"name", "state"} or any(one.has_changed() for one in formsets):
            form.instance.trials.all().delete()

    def _rule(self, request: HttpRequest, pk: int) -> SavedRule:
        """The rule, for those who may read what rules read."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        row = SavedRule.objects.filter(pk=pk).first()
        if row is None:
            raise Http404
        return row

    def _context(self, request: HttpRequest, row: SavedRule, title: Any) -> dict[str, Any]:
        return {**self.admin_site.each_context(request), "title": title, "opts": self.opts, "rule": row}

    def trial(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What the rule would have sent at the last saves while it was on trial."""
        row = self._rule(request, pk)
        newest = row.trials.order_by("-pk")
        context = {
            **self._context(request, row, _("Trial")),
            "is_on_trial": row.state == RuleState.TRIAL,
            "sent": newest.filter(outcome=Outcome.ALERT)[: trials.KEPT],
            "unsent": newest.exclude(outcome=Outcome.ALERT)[: trials.KEPT],
            "kept": trials.KEPT,
            "most": trials.PEOPLE,
        }
        return TemplateResponse(request, "admin/hub/savedrule/trial.html", context)

    def preview(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What the rule would say of the last rows of its model; nothing is sent."""
        row = self._rule(request, pk)
        try:
            rule = ready(row, row.conditions.all())
        except BadSavedRule as error:
            self.message_user(request, str(error), messages.ERROR)
            return HttpResponseRedirect(reverse("admin:hub_notifications_savedrule_change", args=[pk]))
        found = previewing.dry_run(rule)
        context = {
            **self._context(request, row, _("Preview")),
            "previews": found,
            "firing": sum(one.fires for one in found),
        }
        return TemplateResponse(request, "admin/hub/savedrule/preview.html", context)

    @admin.action(description=_("Switch the selected rules on"), permissions=["change"])
    def switch_on(self, request: HttpRequest, selected: Any) -> None:
        """They run in all processes within seconds."""
        self._switch(selected, RuleState.ON)

    @admin.action(description=_("Put the selected rules on trial"), permissions=["change"])
    def try_out(self, request: HttpRequest, selected: Any) -> None:
        """They are asked at each save, and send nothing."""
        self._switch(selected, RuleState.TRIAL)

    @admin.action(description=_("Switch the selected rules off"), permissions=["change"])
    def switch_off(self, request: HttpRequest, selected: Any) -> None:
        """They run nowhere within seconds."""
        self._switch(selected, RuleState.OFF)

    def _switch(self, selected: Any, state: RuleState) -> None:
        for row in selected:
            row.state = state
            row.save(update_fields=["state"])
