from typing import TYPE_CHECKING

from django import forms
from django.contrib.auth.forms import UserCreationForm
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.models import AccessToken

if TYPE_CHECKING:
    SignUpBase = UserCreationForm[User]
    AccessTokenFormBase = forms.ModelForm[AccessToken]
else:
    SignUpBase = UserCreationForm
    AccessTokenFormBase = forms.ModelForm

#: Names that the hub itself speaks under: chat notices come from "System".
RESERVED_USERNAMES = frozenset({"system"})


class SignUpForm(SignUpBase):
    def clean_username(self) -> str:
        username = super().clean_username()
        if username and username.casefold() in RESERVED_USERNAMES:
            raise ValidationError(_("This username is reserved. Please choose another one."), code="reserved")
        return username


class AccessTokenForm(AccessTokenFormBase):
    class Meta:
        model = AccessToken
        fields = ["name"]
