"""The hub's own user model."""

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import PermissionsMixin, UserManager
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hub.people.keys import EXTERNAL_ID_LIMIT, FIRST_KEY, KEY_PATTERN, RESERVED, is_external_id

#: Characters of a display name, of a language's code, and of the name of a time zone.
NAME_LIMIT = 150
LANGUAGE_LIMIT = 16
TIME_ZONE_LIMIT = 64


def check_external_id(text: str) -> None:
    """Raise ``ValidationError`` where no product may call somebody ``text``."""
    if not is_external_id(text):
        raise ValidationError(
            _(
                "A product's id of a person has 1 to 64 letters (a to z, A to Z), digits, hyphens or underscores, and "
                "is not 9 and 15 more digits: keys of the hub have this form."
            ),
            code="bad_external_id",
        )


class PersonManager(UserManager["User"]):
    """Django's manager of users; people whom a product knows have no name to log in with."""

    use_in_migrations = False

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(username=username, username__isnull=False)

    async def aget_by_natural_key(self, username: str | None) -> "User":
        return await self.aget(username=username, username__isnull=False)


class User(AbstractBaseUser, PermissionsMixin):
    """A person: one who logs in to the hub with a ``username``, or one whom a product knows by its ``external_id``.

    What the person is called outside is ``external_id`` or, where there is none, the key; :func:`hub.users.user_id`
    says it. See :mod:`hub.people.keys` for why no two people are called the same.
    """

    username = models.CharField(  # noqa: DJ001  # any number of people have none
        _("username"),
        max_length=150,
        unique=True,
        null=True,
        help_text=_("Required. 150 characters or fewer. Letters, digits and @/./+/-/_ only."),
        validators=[UnicodeUsernameValidator()],
        error_messages={"unique": _("A user with that username already exists.")},
    )
    external_id = models.CharField(  # as above
        _("id in the product"),
        max_length=EXTERNAL_ID_LIMIT,
        unique=True,
        null=True,
        blank=True,
        validators=[check_external_id],
        help_text=_("What the product calls this person; empty for people who log in to the hub itself."),
    )
    name = models.CharField(_("name"), max_length=NAME_LIMIT, blank=True, help_text=_("What others read."))
    email = models.EmailField(_("mail address"), blank=True)
    language = models.CharField(_("language"), max_length=LANGUAGE_LIMIT, blank=True)
    time_zone = models.CharField(_("time zone"), max_length=TIME_ZONE_LIMIT, blank=True)
    attributes: Any = models.JSONField(
        _("attributes"), default=dict, blank=True, help_text=_("What else the product says of this person.")
    )
    is_staff = models.BooleanField(
        _("staff status"), default=False, help_text=_("Whether this person may enter the administration.")
    )
    is_active = models.BooleanField(
        _("active"), default=True, help_text=_("Whoever is not active is let in nowhere; better than deleting.")
    )
    date_joined = models.DateTimeField(_("date joined"), default=timezone.now)

    #: When the signed token was made whose claims about the person were taken last, in seconds since 1970 (0: nobody
    #: knows), and the digest of these claims; see :mod:`hub.access.token_people`.
    token_made = models.FloatField(default=0, editable=False)
    token_digest = models.CharField(max_length=64, blank=True, default="", editable=False)

    objects: ClassVar[PersonManager] = PersonManager()

    EMAIL_FIELD = "email"
    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar = ["email"]

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        swappable = "AUTH_USER_MODEL"
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(id__gte=FIRST_KEY), name="hub_user_key_is_no_external_id"),
            # The second half is for SQLite, where the end of a text is also before a newline that ends it.
            models.CheckConstraint(
                condition=models.Q(external_id=None)
                | (
                    models.Q(external_id__regex=rf"^[A-Za-z0-9_-]{{1,{EXTERNAL_ID_LIMIT}}}$")
                    & ~models.Q(external_id__regex=r"[^A-Za-z0-9_-]")
                    & ~models.Q(external_id__regex=rf"^{KEY_PATTERN}$")
                    & ~models.Q(external_id__in=sorted(RESERVED))
                ),
                name="hub_user_external_id_is_no_key",
            ),
        ]

    def __str__(self) -> str:
        return self.username or self.name or self.external_id or f"#{self.pk}"

    def get_full_name(self) -> str:
        """What the person or the product says; empty where neither does."""
        return self.name

    def get_short_name(self) -> str:
        """What others read: the name, else what the person logs in with."""
        return self.name or self.username or ""
