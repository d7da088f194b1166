"""The ways in which a notification reaches a person, and which people choose about for each kind.

A product adds ways of its own, such as mail, with :func:`delivery_method`, and asks
:func:`notifications.preferences.choosing.who_wants` before it delivers.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from notifications.kinds.texts import Text

#: Characters of the name of a method.
NAME_LIMIT = 20


@dataclass(frozen=True, slots=True)
class DeliveryMethod:
    """A way, by a name for programs.

    Args:
        label: what people choose, such as "In the list".
        said: what follows for them where it is on, as the end of the sentence "It …".
    """

    name: str
    label: Text
    said: Text


#: It is stored for the person, counts as unread, and is in their list. Without it they get nothing of it at all.
INBOX = DeliveryMethod("inbox", _("In the list"), _("is in your list"))

#: Open pages show it as it comes. Without it it comes silently: it is in the list and in the count.
LIVE = DeliveryMethod("live", _("At once"), _("appears at once on open pages"))

_methods: dict[str, DeliveryMethod] = {INBOX.name: INBOX, LIVE.name: LIVE}


def register(method: DeliveryMethod) -> None:
    """Let people choose about a way more.

    Raises:
        ValueError: another one has its name, or the name is too long.
    """
    if len(method.name) > NAME_LIMIT or _methods.setdefault(method.name, method) is not method:
        raise ValueError(f"There is no room for a delivery method named {method.name!r}.")


def delivery_method(name: str, *, label: Text, said: Text) -> None:
    """Let people choose whether notifications reach them in a way that the product adds. Called in ``ready()``.

    Args:
        name: for programs, such as ``mail``; 20 characters at most.
        label: what people choose, such as "By mail".
        said: what follows for them where it is on, as the end of the sentence "It …", such as "comes by mail".

    Raises:
        ValueError: another one has its name, or the name is too long.
    """
    register(DeliveryMethod(name, label, said))


def methods() -> Iterator[DeliveryMethod]:
    """All of them, the list first."""
    return iter(_methods.values())


def method_named(name: str) -> DeliveryMethod | None:
    """The method of this name, if there is one."""
    return _methods.get(name)
