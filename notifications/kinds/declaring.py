"""Kinds: classes of notifications that an app declares, with their texts in the languages of the people.

An app declares its own in ``kinds.py``, where it is found as ``admin.py`` is::

    Kind(
        "order.shipped",
        label=_("Order shipped"),
        message=_("Order {number} arrives on {day}"),
        url="/orders/{number}/",
        fields={"number": int, "day": date},
    )

    notify(to=order.customer, kind="order.shipped", params={"number": 7, "day": order.arrives_on})

Imports no model, so that ``models.py`` of an app may import its kinds. ``manage.py check`` says what is wrong with one
(:mod:`notifications.checks`).
"""

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, field
from datetime import timedelta
from typing import Any

from notifications.kinds.texts import Forms, Template, Text

#: Characters of the name of a kind, of a category and of an icon.
NAME_LIMIT = 100

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*(\.[a-z0-9][a-z0-9_-]*)*")

#: The placeholder, of texts for many notifications alone, that is how many there are.
COUNT = "count"


def is_name(name: object) -> bool:
    """Whether a kind or a category may be named so: it is stored, and shown in addresses."""
    return isinstance(name, str) and len(name) <= NAME_LIMIT and bool(_NAME.fullmatch(name))


@dataclass(frozen=True, slots=True)
class Category:
    """What kinds people look at together, such as all about orders.

    Args:
        name: for programs, as the name of a kind.
        label: for people, in their language (``gettext_lazy``).
    """

    name: str
    label: Text


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """A class of notifications. To make one declares it, for :func:`notifications.notify`.

    Args:
        name: small letters, digits, ``-`` and ``_``, in parts that dots divide, such as ``order.shipped``. It is
            stored with each notification, so it stays.
        label: what people read of it where they choose what they get.
        category: with which other kinds it is shown.
        icon: what is shown with it: the name of one of the hub's icons (:mod:`notifications.kinds.icons`), an emoji,
            or a text of at most two characters. Widgets show any other as the icon of the level.
        level: of a notification that is sent without one.
        title, message, url: the texts, each a template: a plain text or a lazily translated one (``gettext_lazy``,
            ``ngettext_lazy`` with the name of a placeholder as the number). ``{name}`` is a placeholder, ``{{`` a
            brace. People read them in their language, with numbers, dates and times as it writes them and in their
            time zone. What the kind leaves out may be given to ``notify``.
        fields: the placeholders, by name, with their type: ``str``, ``int``, ``float``, ``Decimal``, ``date``,
            ``datetime`` or ``list[str]``.
        examples: values of placeholders for the preview in the admin.
        defaults: what holds for who has chosen nothing, by the name of a delivery method: with ``{"live": False}`` it
            is in the list and pops up nowhere, with ``{"inbox": False}`` those get it who switch it on. What is left
            out is on.
        past: whether those who join a group, follow a topic or get an account later have as unread what was sent
            before to the group, the topic or everyone. Otherwise it is read. An audience has no later people.
        can_opt_out: whether people may switch it off.
        critical: whether it is never switched off nor silenced, whatever a person has chosen.
        expires: how long after it is sent a notification is shown that is sent without ``expires``.
        keep: how long its notifications are kept, in place of ``HUB_ALERT_DAYS``.
        group_by: a text with placeholders, such as ``"{photo}"``. Those that a person has not read, and for which it
            is the same, are one row in the inbox, which opens to each of them.
        throttle: a time within which a person gets one of them at once (one for each ``group_by``), and the others at
            its end as one row.
        many_title, many_message: the texts of such a row, with the placeholders of its newest notification and
            ``{count}``, how many there are. What is left out is that of the newest one.
    """

    name: str
    _: KW_ONLY
    label: Text
    category: Category | None = None
    icon: str = ""
    level: str = "info"
    title: Text | Forms = ""
    message: Text | Forms = ""
    url: Text = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    examples: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, bool] = field(default_factory=dict)
    past: bool = False
    can_opt_out: bool = True
    critical: bool = False
    expires: timedelta | None = None
    keep: timedelta | None = None
    group_by: str = ""
    throttle: timedelta | None = None
    many_title: Text | Forms = ""
    many_message: Text | Forms = ""
    #: The texts by the name of the argument, those that it has; and those of many notifications, by the same names.
    templates: Mapping[str, Template] = field(init=False, repr=False)
    many: Mapping[str, Template] = field(init=False, repr=False)
    #: The module that declares it.
    home: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        texts = {"title": self.title, "message": self.message, "url": self.url}
        object.__setattr__(self, "templates", _templates(texts))
        object.__setattr__(self, "many", _templates({"title": self.many_title, "message": self.many_message}))
        object.__setattr__(self, "home", sys._getframe(2).f_globals.get("__name__", "?"))
        _declared.setdefault(self.name, []).append(self)


def _templates(texts: Mapping[str, Text | Forms]) -> dict[str, Template]:
    return {name: Template(text) for name, text in texts.items() if text}


#: By name; there should be one of each.
_declared: dict[str, list[Kind]] = {}


def made() -> Iterator[Kind]:
    """All that were declared, also those of one name."""
    return (kind for name in sorted(_declared) for kind in _declared[name])


def declared() -> Iterator[Kind]:
    """The kinds of the apps, by name; of two of one name the one that was declared first."""
    return (_declared[name][0] for name in sorted(_declared))


def have_past() -> bool:
    """Whether there is a kind of which later people get the past."""
    return any(kind.past for kind in declared())


def kind_named(name: str) -> Kind | None:
    """The kind of this name; None where no app declares it, any more perhaps."""
    found = _declared.get(name)
    return found[0] if found else None
