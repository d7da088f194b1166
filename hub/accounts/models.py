"""How people and programs say who they are: sessions of browsers, access tokens of programs that have none."""

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.utils.translation import gettext_lazy as _

from hub.fields import NameField


class Session(AbstractBaseSession):
    """A browser's session, as Django keeps it, and whose it is: so that sockets are let in with one query.

    The other columns are for its owner, who sees where they are logged in; guests' sessions have none of it.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="+")
    #: When, from where and with what the person logged in.
    began_at = models.DateTimeField(null=True)
    address = models.CharField(max_length=45, blank=True, default="")
    user_agent = models.CharField(max_length=300, blank=True, default="")
    #: Written every few minutes at most.
    seen_at = models.DateTimeField(null=True)

    class Meta(AbstractBaseSession.Meta):
        pass

    @classmethod
    def get_session_store_class(cls) -> type[SessionBase]:
        from hub.accounts.sessions import SessionStore

        return SessionStore


class AccessToken(models.Model):
    """One token of one person. Only its digest is kept; ``hub.accounts.tokens`` issues, checks and revokes it."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", verbose_name=_("user")
    )
    name = models.CharField(_("name"), max_length=100, blank=True, help_text=_("What the token is for."))
    #: The first characters of the token, enough for its owner to tell it from the others, far too few to guess it.
    prefix = models.CharField(_("starts with"), max_length=16)
    #: SHA-256, in hexadecimal. A slow hash would add nothing: a token is 256 random bits, not a password.
    digest = NameField(max_length=64, unique=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    #: None: it does not end by itself.
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)
    #: Written once a minute at most.
    last_used_at = models.DateTimeField(_("last used at"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True)

    class Meta:
        verbose_name = _("access token")
        verbose_name_plural = _("access tokens")
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.prefix}…"


class LogInLink(models.Model):
    """A link that logs one person in, once; ``hub.accounts.links`` makes and uses it. Only its digest is kept."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    #: SHA-256, in hexadecimal, of 256 random bits.
    digest = NameField(max_length=64, unique=True)
    #: The path that it leads to; empty for the first page.
    page = models.CharField(max_length=500, blank=True, default="")
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"#{self.pk}"
