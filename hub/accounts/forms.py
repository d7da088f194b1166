from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm, PasswordResetForm, UserCreationForm
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hub.accounts import throttling, usernames
from hub.accounts.models import AccessToken
from hub.limits import TooMany
from hub.users import User, field_named
from hub.web import LimitedForm, UncutForm

#: Characters of a mail address, as the table of users has them.
MAIL_LIMIT = 254

if TYPE_CHECKING:
    SignUpBase = UserCreationForm[User]
    AccessTokenFormBase = forms.ModelForm[AccessToken]
else:
    SignUpBase = UserCreationForm
    AccessTokenFormBase = forms.ModelForm


def empty_is_a_text(field: forms.Field) -> None:
    """Have Django's field of names, which counts characters, read an empty one: it may be NULL in the table."""
    field.empty_value = ""  # type: ignore[attr-defined]  # it is a field of text


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


class _AskingPassword(LimitedForm):
    """Asks for the password that somebody has, which may be tried no more often than at the log-in."""

    user: User
    request: HttpRequest
    #: What is said of a wrong one.
    wrong_password = PasswordChangeForm.error_messages["password_incorrect"]

    def clean_old_password(self) -> str:
        password: str = self.cleaned_data["old_password"]  # type: ignore[attr-defined]  # it is mixed into a form
        try:
            is_right = throttling.tried(
                self.request, self.user.get_username(), lambda: self.user.check_password(password) or None
            )
        except TooMany as refusal:
            self.refusal = refusal
            raise ValidationError(refusal.sentence, code="too_many") from None
        if not is_right:
            raise ValidationError(self.wrong_password, code="password_incorrect")
        return password


class OwnPasswordForm(UncutForm, _AskingPassword, PasswordChangeForm):
    """Django's, with the limit of the log-in."""

    def __init__(self, user: User, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(user, *args, **kwargs)
        self.request = request


class MailAddressForm(UncutForm, _AskingPassword, forms.Form):
    """Another mail address, or none, for who knows the password. Says nothing of who else has that address."""

    wrong_password = _("This is not your password.")

    email = forms.EmailField(
        label=_("Mail address (optional)"),
        required=False,
        max_length=MAIL_LIMIT,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
        help_text=_("With it you can set a new password if you forget yours."),
    )
    old_password = forms.CharField(
        label=_("Your password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, user: User, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user, self.request = user, request

    def clean_email(self) -> str:
        return BaseUserManager.normalize_email(self.cleaned_data["email"])


class ResetForm(UncutForm, LimitedForm, PasswordResetForm):
    """Django's, of which only the field is used: a task sends the mails."""


def _asked_at_sign_up() -> tuple[str, ...]:
    """What somebody logs in with, what the user model cannot do without, and the mail address."""
    users = get_user_model()
    names = (users.USERNAME_FIELD, *users.REQUIRED_FIELDS, users.get_email_field_name())
    return tuple(name for name in dict.fromkeys(names) if field_named(name) is not None)


class SignUpForm(UncutForm, LimitedForm, SignUpBase):
    class Meta(UserCreationForm.Meta):
        model = get_user_model()
        fields = _asked_at_sign_up()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "username" in self.fields:
            empty_is_a_text(self.fields["username"])
        mail = self.fields.get(get_user_model().get_email_field_name())
        if mail is not None and not mail.required:
            mail.label = _("Mail address (optional)")
            mail.help_text = _("With it you can set a new password if you forget yours.")

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
