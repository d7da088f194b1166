from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm, PasswordResetForm, UserCreationForm
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import throttling, usernames
from accounts.models import AccessToken
from hub.limited_form import LimitedForm
from hub.limits import TooMany
from hub.uncut import UncutForm

if TYPE_CHECKING:
    SignUpBase = UserCreationForm[User]
    AccessTokenFormBase = forms.ModelForm[AccessToken]
else:
    SignUpBase = UserCreationForm
    AccessTokenFormBase = forms.ModelForm


class _LimitedLogIn(LimitedForm):
    """What both log-in forms have in common."""

    def clean(self) -> Any:
        try:
            return super().clean()  # type: ignore[misc]  # it is mixed into a form
        except TooMany as refusal:
            self.refusal = refusal
            raise ValidationError(refusal.sentence, code="too_many") from None


class LogInForm(UncutForm, _LimitedLogIn, AuthenticationForm):
    """Django's, with the sentence of a limit."""


class AdminLogInForm(UncutForm, _LimitedLogIn, AdminAuthenticationForm):
    """The admin's, with the sentence of a limit."""


class OwnPasswordForm(UncutForm, LimitedForm, PasswordChangeForm):
    """Django's. The old password may be tried no more often than at the log-in."""

    def __init__(self, user: User, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(user, *args, **kwargs)
        self._request = request

    def clean_old_password(self) -> str:
        try:
            throttling.tried(self._request, self.user.get_username(), self._checked)
        except TooMany as refusal:
            self.refusal = refusal
            raise ValidationError(refusal.sentence, code="too_many") from None
        return super().clean_old_password()

    def _checked(self) -> bool | None:
        return self.user.check_password(self.cleaned_data["old_password"]) or None


class ResetForm(UncutForm, LimitedForm, PasswordResetForm):
    """Django's, of which only the field is used: a task sends the mails."""


class SignUpForm(UncutForm, LimitedForm, SignUpBase):
    class Meta(UserCreationForm.Meta):
        fields = ("username", "email")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = _("Mail address (optional)")
        self.fields["email"].help_text = _("With it you can set a new password if you forget yours.")

    def clean_username(self) -> str:
        username = super().clean_username()
        if username:
            usernames.validate(username)
        return username


class AccessTokenForm(UncutForm, LimitedForm, AccessTokenFormBase):
    """The name of a new token, and when it ends."""

    days = forms.TypedChoiceField(
        label=_("Ends"),
        required=False,
        coerce=int,
        empty_value=None,
        initial="90",
        choices=[
            ("30", _("after 30 days")),
            ("90", _("after 90 days")),
            ("365", _("after a year")),
            ("", _("never")),
        ],
    )

    class Meta:
        model = AccessToken
        fields = ("name",)

    @property
    def expires_at(self) -> datetime | None:
        """When the token is to end; None: never."""
        days: int | None = self.cleaned_data["days"]
        return None if days is None else timezone.now() + timedelta(days=days)
