from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chat import names
from hub.web import page_url

#: Characters of the key that a client gives its message, and a program its room.
KEY_LIMIT = 64


class Room(models.Model):
    """A place to chat. Its name is in the form of :func:`chat.names.normal`.

    Anybody reads in a public room and any user writes; in a private one both is for its members.

    A public room has its name for itself. The name of a private room is not taken: if it were, whoever tries it would
    learn that the room exists. ``address`` tells rooms of one name apart.
    """

    name = models.CharField(_("name"), max_length=names.LIMIT, db_index=True, validators=[names.validate])
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("creator")
    )
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    is_private = models.BooleanField(
        _("private"), default=False, help_text=_("Only the members below see that the room exists, read and write.")
    )
    #: What a program calls the room that it has made, so that it makes it once.
    key = models.CharField(max_length=KEY_LIMIT, null=True, unique=True, editable=False)  # noqa: DJ001  # as below
    members = models.ManyToManyField(
        settings.AUTH_USER_MODEL, blank=True, related_name="+", verbose_name=_("members of a private room")
    )

    class Meta:
        verbose_name = _("room")
        verbose_name_plural = _("rooms")
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["name"],
                condition=models.Q(is_private=False),
                name="hub_room_public_name_once",
                violation_error_message=_("There is a public room of this name already."),
            )
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """The address of its page; empty where the project has no pages of rooms."""
        return page_url("hub:chat:room", self.address)

    @property
    def address(self) -> str:
        """What the room is called in URLs: its name, which a private one may share, and so with its id."""
        return names.with_id(self.name, self.pk) if self.is_private else self.name

    def clean(self) -> None:
        from chat import naming

        if self._state.adding or not Room.objects.filter(pk=self.pk, name=self.name).exists():
            self.name = names.normal(self.name)  # as the admin's form leaves it, it may be in another form
            naming.validate(self.name, room_id=self.pk, is_private=self.is_private)


class Message(models.Model):
    """What somebody wrote in a room. ``username`` is what others read of them then, also when the account is gone."""

    # The database is not to look whether both are still there: what is written meanwhile must not fail their deletion
    # (hub.database.deletions).
    room = models.ForeignKey(
        Room, models.CASCADE, related_name="messages", db_constraint=False, verbose_name=_("room")
    )
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_constraint=False,
        verbose_name=_("author"),
    )
    username = models.CharField(_("username"), max_length=150)
    text = models.TextField(_("text"))
    #: Chosen by the author's client, which may send a message again and have it stored once.
    key = models.CharField(max_length=KEY_LIMIT, null=True, editable=False)  # noqa: DJ001  # any number have none
    created_at = models.DateTimeField(_("written at"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering: ClassVar = ["pk"]
        indexes: ClassVar = [models.Index(fields=["room", "-id"], name="hub_message_of_room")]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["author", "key"], condition=models.Q(key__isnull=False), name="hub_message_key_once"
            )
        ]

    def __str__(self) -> str:
        return self.text[:80]
