"""Mails, which a web process does not wait for."""

from smtplib import SMTPException
from typing import Any

from celery import shared_task
from celery.contrib.django.task import DjangoTask
from django.conf import settings
from django.contrib.auth.forms import PasswordResetForm
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.utils import translation


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
    name="accounts.tasks.send_reset_mail",
    base=MailTask,
    check_values=staticmethod(refuse_unsendable),
)
def send_reset_mail(mail: str, domain: str, is_secure: bool, language: str) -> None:
    """Send a link for a new password to each active person with this mail address, if there is one."""
    form = PasswordResetForm({"email": mail})
    if form.is_valid():
        with translation.override(language):
            form.save(
                domain_override=domain,
                use_https=is_secure,
                subject_template_name="accounts/password_reset_subject.txt",
                email_template_name="accounts/password_reset_email.txt",
            )


@shared_task(
    name="accounts.tasks.send_address_changed",
    base=MailTask,
    check_values=staticmethod(refuse_unsendable),
)
def send_address_changed(mail: str, username: str, domain: str, language: str) -> None:
    """Tell the mail address that an account had that it has another one now; which one is not in the mail."""
    with translation.override(language):
        context = {"username": username, "site_name": domain}
        subject, body = (
            render_to_string(f"accounts/address_changed_{part}.txt", context).strip() for part in ("subject", "email")
        )
    send_mail(subject, body, None, [mail])
