from django import forms
from django.utils.translation import gettext_lazy as _

from chat import actions, names, naming
from chat.models import Room
from hub.users import User
from hub.web import UncutForm


class RoomForm(UncutForm, forms.Form):
    """The name of a new room."""

    name = forms.CharField(label=_("Room name"), max_length=names.LIMIT)

    def clean_name(self) -> str:
        name = names.normal(self.cleaned_data["name"])
        naming.validate(name)
        return name

    def save(self, user: User) -> Room | None:
        """Make the room; None, with an error at the field, where the name is taken.

        Raises:
            MayNotOpenRooms, TooMany: see :func:`chat.actions.open_room`.
        """
        try:
            return actions.open_room(name=self.cleaned_data["name"], user=user)
        except actions.NameTaken:
            self.add_error("name", _("There is a room of this name already."))
            return None
