"""Log-in, sign-up, passwords, and where a person is logged in: mostly Django's views, in the hub's pages."""

from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import get_user_model, login, logout
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import (
    LoginView,
    PasswordChangeView,
    PasswordResetConfirmView,
    PasswordResetDoneView,
    PasswordResetView,
    RedirectURLMixin,
)
from django.core.exceptions import DisallowedHost
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.request import split_domain_port
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, resolve_url
from django.template.response import TemplateResponse
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django.views.generic import FormView
from kombu.exceptions import OperationalError

from hub import limits
from hub.access import log_refusal
from hub.accounts import links, sessions, throttling, tokens
from hub.accounts.devices import describe
from hub.accounts.forms import AccessTokenForm, LogInForm, MailAddressForm, OwnPasswordForm, ResetForm, SignUpForm
from hub.accounts.models import AccessToken
from hub.accounts.signals import signed_up
from hub.accounts.tasks import send_address_changed, send_reset_mail
from hub.config import hub_settings
from hub.limits import TooMany
from hub.logs import get_logger
from hub.users import User, all_users, field_named, log_in_field

if TYPE_CHECKING:
    SignUpBase = FormView[SignUpForm]
    MailAddressBase = FormView[MailAddressForm]
else:
    SignUpBase = MailAddressBase = FormView


log = get_logger(__name__)

_NO_MAIL_NOW = _lazy("Mail cannot be sent just now. Please try again in a minute.")

#: Headers in which browsers and applications say that nobody has followed a link yet, and what they say then.
_PURPOSES = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")
_AHEAD = ("prefetch", "prerender", "preview")

#: Sessions on a person's page; the ones that were seen last.
SESSIONS_SHOWN = 50


class NextPage(RedirectURLMixin):
    """Where a person goes after logging in: the page they came from, unless that is the form itself."""

    request: HttpRequest

    def get_redirect_url(self, request: HttpRequest | None = None) -> str:
        url = super().get_redirect_url()
        return "" if url == self.request.path else url


class LogInView(NextPage, LoginView):
    template_name = "hub/accounts/login.html"
    authentication_form = LogInForm

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(sends_mail=sends_mail(), **kwargs)

    redirect_authenticated_user = True


@method_decorator([sensitive_post_parameters("password1", "password2"), never_cache], name="dispatch")
class SignUpView(NextPage, SignUpBase):
    """Makes an account and logs its owner in. Absent (404) where ``HUB_SIGNUP`` is off."""

    template_name = "hub/accounts/signup.html"
    form_class = SignUpForm

    def get_default_redirect_url(self) -> str:
        return resolve_url(settings.LOGIN_REDIRECT_URL)

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if not hub_settings().signup:
            raise Http404
        if request.user.is_authenticated:
            return HttpResponseRedirect(self.get_success_url())  # a URL, never the name of a page
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
            form.add_error(log_in_field(), form.instance.unique_error_message(type(form.instance), (log_in_field(),)))
            return self.form_invalid(form)
        login(self.request, user)
        return super().form_valid(form)


@never_cache
@require_GET
def follow_link(request: HttpRequest) -> HttpResponse:
    """Logs the person in whom the link is for, and goes to its page; it can do so once.

    Every answer leads away, so that no page has the link as its address and passes it on as ``Referer``.
    """
    if any(request.headers.get(name, "").lower().startswith(_AHEAD) for name in _PURPOSES):
        return HttpResponse(status=503)  # a browser that only thinks that somebody will follow it
    if getattr(request.user, "is_staff", False):
        # Somebody may have sent them a link of their own, to see what an administrator writes next.
        messages.error(request, _("You are logged in as staff. Log out first: the link logs in somebody else."))
        response: HttpResponse = redirect("hub:accounts:tokens")
        response["Referrer-Policy"] = "no-referrer"
        return response
    try:
        entry = links.use(request.GET.get("token", ""), request.user)
    except links.Unusable as fault:
        log_refusal(f"link to log in: {fault}", request.META.get("REMOTE_ADDR", ""))
        messages.error(request, _("This link has been used, or its time is over. Please go back and try again."))
        response = redirect("hub:accounts:login")
    else:
        if request.user != entry.user:
            login(request, entry.user, backend=settings.AUTHENTICATION_BACKENDS[0])
        response = redirect(entry.page or settings.LOGIN_REDIRECT_URL)
    response["Referrer-Policy"] = "no-referrer"
    return response


@method_decorator(never_cache, name="dispatch")
class PasswordView(PasswordChangeView):
    """Sets another password, after the old one. Ends the person's other sessions and all their access tokens."""

    template_name = "hub/accounts/password.html"
    form_class = OwnPasswordForm
    success_url = reverse_lazy("hub:accounts:tokens")

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "request": self.request}

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        messages.success(
            self.request,
            _("Your password is changed. You are logged out everywhere else, and your access tokens are revoked."),
        )
        return response


@method_decorator([sensitive_post_parameters("old_password"), never_cache, login_required], name="dispatch")
class MailAddressView(MailAddressBase):
    """Sets another mail address, or none, after the password; a mail tells the address before.

    Somebody else may have the same one: the answer does not tell, and each account gets its own links. Absent (404)
    where the user model has no mail address, or people log in with it.
    """

    template_name = "hub/accounts/mail.html"
    form_class = MailAddressForm
    success_url = reverse_lazy("hub:accounts:tokens")

    def get_initial(self) -> dict[str, Any]:
        return {"email": getattr(self.request.user, _mail_field())}

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if not changes_mail():
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "user": self.request.user, "request": self.request}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(sends_mail=sends_mail(), **kwargs)

    def form_valid(self, form: MailAddressForm) -> HttpResponse:
        address = form.cleaned_data["email"]
        try:
            if address != getattr(form.user, _mail_field()):
                self._change(form.user, address)
        except TooMany as refusal:
            form.refuse(refusal)
            return self.form_invalid(form)
        except OperationalError:  # of the broker: without the mail to the address before nothing is changed
            form.add_error(None, _NO_MAIL_NOW)
            return self.form_invalid(form)
        messages.success(
            self.request, _("Your mail address is saved.") if address else _("You have no mail address now.")
        )
        return super().form_valid(form)

    def _change(self, user: User, address: str) -> None:
        limits.take(throttling.MAIL_ADDRESSES, user.pk)
        language = get_language() or settings.LANGUAGE_CODE
        with transaction.atomic():
            before = all_users().select_for_update().values_list(_mail_field(), flat=True).get(pk=user.pk)
            setattr(user, _mail_field(), address)
            user.save(update_fields=[_mail_field()])
            if before and sends_mail():
                send_address_changed.delay(before, user.get_username(), self.request.get_host(), language)
        log.info("mail_address_changed", user=user.pk)


@method_decorator(never_cache, name="dispatch")
class ResetView(PasswordResetView):
    """Has a link for a new password mailed. Absent (404) where no mail is sent.

    Says and does the same whether or not somebody has the mail address, in the same time: a task looks.
    """

    template_name = "hub/accounts/password_reset.html"
    form_class = ResetForm
    success_url = reverse_lazy("hub:accounts:password_reset_sent")

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not sends_mail():
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: Any) -> HttpResponse:
        mail, request = form.cleaned_data["email"], self.request
        host = _host_of_link(request)
        try:
            throttling.by_address(throttling.RESET, request)
            limits.take(throttling.RESET_MAIL, mail.casefold())
            language = get_language() or settings.LANGUAGE_CODE
            send_reset_mail.delay(mail, host, request.is_secure(), language)
        except TooMany as refusal:
            form.refuse(refusal)
            return self.form_invalid(form)
        except OperationalError:  # of the broker
            form.add_error(None, _NO_MAIL_NOW)
            return self.form_invalid(form)
        log.info("password_reset_asked")
        return redirect(self.get_success_url())


@method_decorator(never_cache, name="dispatch")
class ResetSentView(PasswordResetDoneView):
    template_name = "hub/accounts/password_reset_sent.html"


class NewPasswordView(PasswordResetConfirmView):
    """Where the link of the mail leads to: sets a new password."""

    template_name = "hub/accounts/password_new.html"
    success_url = reverse_lazy("hub:accounts:login")

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        throttling.forget(self.request, form.user.get_username())
        messages.success(self.request, _("Your new password is set. Log in with it."))
        return response


def _host_of_link(request: HttpRequest) -> str:
    """Host and port for a link that is mailed to somebody else than who asks.

    ``HUB_ALLOWED_HOSTS`` says nothing of ports, and behind another port of the host another one may listen.

    Raises:
        django.core.exceptions.DisallowedHost: the hub is not known to be at this port.
    """
    host = request.get_host()
    _domain, port = split_domain_port(host)
    is_known = port in {"", "80", "443", request.META.get("SERVER_PORT")}
    if not is_known and f"{request.scheme}://{host}" not in settings.CSRF_TRUSTED_ORIGINS:
        raise DisallowedHost(f"No link to port {port}: if the hub is there, name its origin in HUB_TRUSTED_ORIGINS.")
    return host


def sends_mail() -> bool:
    """Whether this hub sends mail."""
    return not settings.EMAIL_BACKEND.endswith(".dummy.EmailBackend")


def _mail_field() -> str:
    return str(get_user_model().get_email_field_name())


def changes_mail() -> bool:
    """Whether a person's mail address is one that they may set and leave empty."""
    return field_named(_mail_field()) is not None and _mail_field() != log_in_field()


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def access(request: HttpRequest) -> HttpResponse:
    """Where the person is logged in, and their access tokens; a POST issues one and shows its text, this once."""
    user = cast(User, request.user)
    form = AccessTokenForm(request.POST if request.method == "POST" else None)
    issued = ""
    if request.method == "POST" and form.is_valid():
        try:
            limits.take(throttling.TOKENS, user.pk)
        except TooMany as refusal:
            form.refuse(refusal)
        else:
            issued = tokens.issue(user, form.cleaned_data["name"], expires_at=form.expires_at)
    context = {
        "form": AccessTokenForm() if issued else form,
        "issued": issued,
        "tokens": tokens.valid_for(user),
        "sessions": [
            {
                "id": sessions.public_id(row.session_key),
                "device": describe(row.user_agent),
                "address": row.address,
                "began_at": row.began_at,
                "seen_at": row.seen_at,
                "is_this": row.session_key == request.session.session_key,
            }
            for row in sessions.of_user(user)[:SESSIONS_SHOWN]
        ],
    }
    return TemplateResponse(request, "hub/accounts/access.html", context)


@login_required
@require_POST
def end_session(request: HttpRequest, public_id: str) -> HttpResponse:
    """Logs the person out on one of their devices; somebody else's session is not found."""
    user = cast(User, request.user)
    if public_id == sessions.public_id(request.session.session_key or ""):
        logout(request)
        return redirect("hub:root")
    if not sessions.end(user, [public_id]):
        raise Http404
    messages.success(request, _("That device is logged out."))
    return redirect("hub:accounts:tokens")


@login_required
@require_POST
def end_everything(request: HttpRequest) -> HttpResponse:
    """Logs the person out everywhere, here too, and revokes all their tokens."""
    user = cast(User, request.user)
    tokens.revoke(AccessToken.objects.filter(user=user))
    links.end(user)
    sessions.end(user, but=request.session.session_key)
    logout(request)
    messages.success(request, _("You are logged out everywhere, and your access tokens are revoked."))
    return redirect("hub:accounts:login")


@login_required
@require_POST
def revoke_access_token(request: HttpRequest, pk: int) -> HttpResponse:
    """Ends one of the person's own tokens; somebody else's is not found."""
    token = get_object_or_404(AccessToken, pk=pk, user=cast(User, request.user))
    tokens.revoke(AccessToken.objects.filter(pk=token.pk))
    messages.success(request, _("The token is revoked."))
    return redirect("hub:accounts:tokens")
