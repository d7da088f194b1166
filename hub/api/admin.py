"""API keys in the admin: made there and shown once, seen, revoked. Nothing of a key can be changed."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from hub.api import keys
from hub.api.method import methods
from hub.api.scope import ALL, BadScope, Scope, scope
from hub.models import ApiKey
from hub.web.generics import ModelAdmin, ModelForm


def method_choices() -> list[tuple[str, Any]]:
    """All methods, those that come later included, then each by its name."""
    return [(ALL, _("all methods, also those that come later")), *((each.name, each.name) for each in methods())]


class ApiKeyForm(ModelForm[ApiKey]):
    """What a new key may do."""

    methods = forms.MultipleChoiceField(
        label=_("methods"), choices=method_choices, widget=forms.CheckboxSelectMultiple
    )
    channels = forms.CharField(
        label=_("channels"),
        widget=forms.Textarea(attrs={"rows": 4, "cols": 40}),
        help_text=_("Which channels it may name, one in a line: everyone, user:42, user:* or * for all."),
    )
    scope: Scope

    class Meta:
        model = ApiKey
        fields = ("name",)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if "methods" in cleaned and "channels" in cleaned:
            try:
                self.scope = scope(cleaned["methods"], cleaned["channels"].split(), dict(method_choices()))
            except BadScope:
                self.add_error("channels", ValidationError(_("Write channels, or beginnings of channels and a *.")))
        return cleaned


class ApiKeyAdmin(ModelAdmin[ApiKey]):
    """Its pages."""

    form = ApiKeyForm
    list_display = ("__str__", "scope_methods", "scope_channels", "last_used_at", "revoked_at")
    list_filter = (("revoked_at", admin.EmptyFieldListFilter),)
    search_fields = ("prefix", "name")
    actions = ("revoke",)

    @admin.display(description=_("methods"))
    def scope_methods(self, row: ApiKey) -> str:
        return ", ".join(row.methods)

    @admin.display(description=_("channels"))
    def scope_channels(self, row: ApiKey) -> str:
        return ", ".join(row.channels)

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> tuple[str, ...]:
        if obj is None:
            return ("name", "methods", "channels")
        return ("prefix", "name", "scope_methods", "scope_channels", "created_at", "last_used_at", "revoked_at")

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> tuple[str, ...]:
        return () if obj is None else self.get_fields(request, obj)

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        """A new key: its text is shown in the answer to this request and nowhere else."""
        if not change:
            request.issued_api_key = keys.store(obj, form.scope)  # type: ignore[attr-defined]  # ours

    def delete_model(self, request: HttpRequest, obj: ApiKey) -> None:
        """A key that is deleted is revoked first, as the log says then."""
        keys.revoke(ApiKey.objects.filter(pk=obj.pk))
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        keys.revoke(queryset)
        super().delete_queryset(request, queryset)

    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": _("The new API key"),
            "opts": self.opts,
            "key": request.issued_api_key,  # type: ignore[attr-defined]  # ours, see save_model
        }
        # In the page itself: a message would be carried by a cookie or a session to the next one.
        response = TemplateResponse(request, "admin/hub/apikey/issued.html", context)
        add_never_cache_headers(response)
        return response

    @admin.action(description=_("Revoke the selected keys"), permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        count = keys.revoke(queryset)
        text = ngettext("%(count)d key was revoked.", "%(count)d keys were revoked.", count) % {"count": count}
        self.message_user(request, text, messages.SUCCESS)
