from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from hub.accounts import tokens, usernames
from hub.accounts.forms import AdminLogInForm, empty_is_a_text
from hub.accounts.models import AccessToken
from hub.users import is_own_model, searched_by
from hub.web import UncutAdmin
from hub.web.changelists import QuestionsRefused
from hub.web.generics import ModelAdmin

# The admin's own log-in page, held to the same limits as the other one.
admin.site.login_form = AdminLogInForm


class NameOfAccount(forms.ModelForm):  # type: ignore[type-arg]  # mixed into forms of accounts
    """Looks at a username where it is given or changed; an account keeps the name that it has."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "username" in self.fields:
            empty_is_a_text(self.fields["username"])

    def clean_username(self) -> Any:
        cleaned = getattr(super(), "clean_username", lambda: self.cleaned_data["username"])
        username: str = cleaned()
        if username and username != self.initial.get("username"):
            usernames.validate(username, user=self.instance, official=True)
        return username or None  # any number of people have none


class AccountChangeForm(NameOfAccount, UserChangeForm):  # type: ignore[type-arg]  # no generic at run time
    """Django's. People whom a product knows need no name to log in with."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "username" in self.fields and self.instance.username is None:
            self.fields["username"].required = False


class AccountAddForm(NameOfAccount, AdminUserCreationForm):  # type: ignore[type-arg]  # as above
    """Django's."""


class AccountAdmin(QuestionsRefused, UncutAdmin, UserAdmin):  # type: ignore[type-arg]  # generic in the stubs only
    """Django's, with the fields of the hub's own model and its rules for names."""

    form = AccountChangeForm
    add_form = AccountAddForm
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (
            _("Personal info"),
            {"fields": ("name", "email", "language", "time_zone", "external_id", "attributes")},
        ),
        (_("Permissions"), {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")}),
        (_("Important dates"), {"fields": ("last_login", "date_joined")}),
    )
    list_display = ("__str__", "external_id", "email", "is_staff")
    search_fields = ("username", "external_id", "name", "email")


# A project with another user model has its own page of users.
if is_own_model():
    admin.site.register(get_user_model(), AccountAdmin)


@admin.register(AccessToken)
class AccessTokenAdmin(ModelAdmin[AccessToken]):
    """Shows which tokens exist and revokes them. Issuing is not here: a token's text is for its owner alone."""

    list_display = ["__str__", "user", "name", "created_at", "expires_at", "last_used_at", "revoked_at"]
    list_filter = [("revoked_at", admin.EmptyFieldListFilter)]
    list_select_related = ["user"]
    search_fields = ["prefix", "name", searched_by("user")]
    fields = ["prefix", "user", "name", "created_at", "expires_at", "last_used_at", "revoked_at"]
    readonly_fields = ["prefix", "user", "name", "created_at", "expires_at", "last_used_at", "revoked_at"]
    actions = ["revoke"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @admin.action(description=_("Revoke the selected tokens"), permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[AccessToken]) -> None:
        count = tokens.revoke(queryset)
        text = ngettext("%(count)d token was revoked.", "%(count)d tokens were revoked.", count) % {"count": count}
        self.message_user(request, text, messages.SUCCESS)
