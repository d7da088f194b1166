"""Sign-up and a person's own access tokens; log-in and log-out are Django's views."""

from typing import TYPE_CHECKING, cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView, RedirectURLMixin
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST
from django.views.generic import FormView

from accounts import throttling, tokens
from accounts.forms import AccessTokenForm, LogInForm, SignUpForm
from accounts.models import AccessToken
from accounts.signals import signed_up
from hub.conf import hub_settings
from hub.limits import TooMany

if TYPE_CHECKING:
    SignUpBase = FormView[SignUpForm]
else:
    SignUpBase = FormView


class NextPage(RedirectURLMixin):
    """Where a person goes after logging in: the page they came from, unless that is the form itself."""

    request: HttpRequest

    def get_redirect_url(self, request: HttpRequest | None = None) -> str:
        url = super().get_redirect_url()
        return "" if url == self.request.path else url


class LogInView(NextPage, LoginView):
    template_name = "accounts/login.html"
    authentication_form = LogInForm
    redirect_authenticated_user = True


@method_decorator([sensitive_post_parameters("password1", "password2"), never_cache], name="dispatch")
class SignUpView(NextPage, SignUpBase):
    """Makes an account and logs its owner in. Absent (404) where ``HUB_SIGNUP`` is off."""

    template_name = "accounts/signup.html"
    form_class = SignUpForm

    def get_default_redirect_url(self) -> str:
        return resolve_url(settings.LOGIN_REDIRECT_URL)

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if not hub_settings().signup:
            raise Http404
        if request.user.is_authenticated:
            return redirect(self.get_success_url())
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: SignUpForm) -> HttpResponse:
        try:
            throttling.by_address(throttling.SIGN_UP, self.request)
            with transaction.atomic():
                user = form.save()
                signed_up.send(sender=type(user), user=user)
        except TooMany as refusal:
            form.refuse(refusal)
            return self.form_invalid(form)
        except IntegrityError:  # somebody else took the name after the form had looked
            form.add_error("username", _("A user with that username already exists."))
            return self.form_invalid(form)
        login(self.request, user)
        return super().form_valid(form)


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def access_tokens(request: HttpRequest) -> HttpResponse:
    """The person's tokens; a POST issues one and shows its text in the answer, this once."""
    user = cast(User, request.user)
    form = AccessTokenForm(request.POST or None)
    issued = tokens.issue(user, form.cleaned_data["name"]) if request.method == "POST" and form.is_valid() else ""
    context = {
        "form": AccessTokenForm() if issued else form,
        "issued": issued,
        "tokens": AccessToken.objects.filter(user=user, revoked_at=None),
    }
    return render(request, "accounts/tokens.html", context)


@login_required
@require_POST
def revoke_access_token(request: HttpRequest, pk: int) -> HttpResponse:
    """Ends one of the person's own tokens; somebody else's is not found."""
    token = get_object_or_404(AccessToken, pk=pk, user=cast(User, request.user))
    tokens.revoke(AccessToken.objects.filter(pk=token.pk))
    messages.success(request, _("The token is revoked."))
    return redirect("accounts:tokens")
