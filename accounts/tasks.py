"""Mails, which a web process does not wait for."""

from smtplib import SMTPException

from celery import shared_task
from django.contrib.auth.forms import PasswordResetForm
from django.utils import translation


@shared_task(
    name="accounts.tasks.send_reset_mail",
    ignore_result=True,
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
