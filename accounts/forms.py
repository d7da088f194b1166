from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.forms import AuthenticationForm, UserCreationForm
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from accounts import usernames
from accounts.models import AccessToken
from hub.limited_form import LimitedForm
from hub.limits import TooMany

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


class LogInForm(_LimitedLogIn, AuthenticationForm):
    """Django's, with the sentence of a limit."""


class AdminLogInForm(_LimitedLogIn, AdminAuthenticationForm):
    """The admin's, with the sentence of a limit."""


class SignUpForm(LimitedForm, SignUpBase):
    def clean_username(self) -> str:
        username = super().clean_username()
        if username:
            usernames.validate(username)
        return username


class AccessTokenForm(AccessTokenFormBase):
    class Meta:
        model = AccessToken
        fields = ["name"]
