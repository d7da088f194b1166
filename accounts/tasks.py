"""Mails, which a web process does not wait for."""

from smtplib import SMTPException
from typing import Any

from celery import shared_task
from celery.contrib.django.task import DjangoTask
from django.conf import settings
from django.contrib.auth.forms import PasswordResetForm
from django.utils import translation


def refuse_unsendable(*, mail: Any, domain: Any, is_secure: Any, language: Any) -> None:
    """Raise ``ValueError`` for arguments with which :func:`send_reset_mail` never sends anything that is of use."""
    for errors in PasswordResetForm({"email": mail}).errors.values():
        raise ValueError(errors[0])
    if not isinstance(domain, str) or not domain:
        raise ValueError(f"A mail's domain is the host in its link, not {domain!r}.")
    if is_secure not in (True, False):
        raise ValueError(f"A mail's is_secure is true or false, not {is_secure!r}.")
    languages = [code for code, _ in settings.LANGUAGES]
    if language not in languages:
        raise ValueError(f"A mail's language is one of {', '.join(languages)}, not {language!r}.")


@shared_task(
    name="accounts.tasks.send_reset_mail",
    base=DjangoTask,
    ignore_result=True,
    check_values=staticmethod(refuse_unsendable),
    autoretry_for=(OSError, SMTPException),
    retry_backoff=True,
    max_retries=5,
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
