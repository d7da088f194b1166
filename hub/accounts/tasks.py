"""Mails, which a web process does not wait for."""

from collections.abc import Iterable
from itertools import islice
from smtplib import SMTPException
from typing import Any

from celery import shared_task
from celery.contrib.django.task import DjangoTask
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.forms import PasswordResetForm
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.utils import translation

#: Accounts that one request is about, and mails that it causes, at most. Anybody may name somebody else's mail address
#: when they make an account.
ACCOUNTS, MAILS = 50, 3


class _OneMail(PasswordResetForm):
    """Django's, which sends a mail for each account: here accounts that spell their mail address alike share one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._meant: dict[str, list[dict[str, Any]]] = {}

    def get_users(self, email: str) -> Iterable[Any]:
        """The oldest accounts, first those whose mail address is spelled as it was asked for."""
        field = get_user_model().get_email_field_name()
        return sorted(super().get_users(email), key=lambda user: (getattr(user, field) != email, user.pk))[:ACCOUNTS]

    def send_mail(
        self,
        subject_template_name: str,
        email_template_name: str,
        context: dict[str, Any],
        from_email: str | None,
        to_email: str,
        html_email_template_name: str | None = None,
    ) -> None:
        """Keep it for :meth:`send_all`. It goes to the address of the account, never to that of who asks."""
        self._meant.setdefault(to_email, []).append(context)

    def send_all(self) -> None:
        for address, accounts in islice(self._meant.items(), MAILS):
            names = ", ".join(account["user"].get_username() for account in accounts)
            super().send_mail(
                "hub/accounts/password_reset_subject.txt",
                "hub/accounts/password_reset_email.txt",
                {**accounts[0], "names": names, "accounts": accounts},
                None,
                address,
            )


class MailTask(DjangoTask[Any, Any]):
    """Sends a mail, and tries again where the server does not take it just now."""

    ignore_result = True
    autoretry_for = (OSError, SMTPException)
    retry_backoff = True
    max_retries = 5


def refuse_unsendable(*, mail: Any, domain: Any, language: Any, **_others: Any) -> None:
    """Raise ``ValueError`` for arguments with which a task here never sends anything that is of use."""
    for errors in PasswordResetForm({"email": mail}).errors.values():
        raise ValueError(errors[0])
    if not isinstance(domain, str) or not domain:
        raise ValueError(f"A mail's domain is the host of this hub, not {domain!r}.")
    languages = [code for code, _name in settings.LANGUAGES]
    if language not in languages:
        raise ValueError(f"A mail's language is one of {', '.join(languages)}, not {language!r}.")


@shared_task(
    name="hub.accounts.tasks.send_reset_mail",
    base=MailTask,
    check_values=staticmethod(refuse_unsendable),
)
def send_reset_mail(mail: str, domain: str, is_secure: bool, language: str) -> None:
    """Send a link for a new password of each active account with this mail address, if there is one."""
    form = _OneMail({"email": mail})
    if form.is_valid():
        with translation.override(language):
            form.save(domain_override=domain, use_https=is_secure)
            form.send_all()


@shared_task(
    name="hub.accounts.tasks.send_address_changed",
    base=MailTask,
    check_values=staticmethod(refuse_unsendable),
)
def send_address_changed(mail: str, username: str, domain: str, language: str) -> None:
    """Tell the mail address that an account had that it has another one now; which one is not in the mail."""
    with translation.override(language):
        context = {"username": username, "site_name": domain}
        texts = (f"hub/accounts/address_changed_{part}.txt" for part in ("subject", "email"))
        subject, body = (render_to_string(text, context).strip() for text in texts)
    send_mail(subject, body, None, [mail])
