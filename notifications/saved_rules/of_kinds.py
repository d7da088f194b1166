"""The kind of a rule's alerts: where the values of its placeholders come from."""

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from notifications.kinds.declaring import Kind, kind_named
from notifications.saved_rules import texts
from notifications.saved_rules.texts import BadText, Parts, Placeholder

#: The parts of the text from which each placeholder of a kind has its value.
Sources = Mapping[str, Parts]


class BadKind(ValueError):
    """A rule has no such kind, or says not enough for it; the sentence is for people."""


def declared_kind(name: str) -> Kind | None:
    """The kind of this name; None for no name. Raises :class:`BadKind`."""
    kind = kind_named(name) if name else None
    if name and kind is None:
        raise BadKind(_("There is no kind named “%(name)s”.") % {"name": name})
    return kind


def sources(kind: Kind | None, written: str, is_field: Callable[[str], bool]) -> Sources:
    """The sources of the values of a kind, of lines such as ``who = {number}``; a field serves for its own name.

    Raises:
        BadKind: a line is for nothing, or a placeholder has no value.
    """
    found = dict(map(_line, filter(str.strip, written.splitlines())))
    fields = {} if kind is None else kind.fields
    if unknown := found.keys() - fields.keys():
        known = ", ".join(fields) or "–"
        raise BadKind(
            _("The kind has no placeholder “%(name)s”, only: %(fields)s.") % {"name": min(unknown), "fields": known}
        )
    for name in fields.keys() - found.keys():
        if not is_field(name):
            raise BadKind(_("The kind needs a value: write %(name)s = {…}.") % {"name": name})
        found[name] = (Placeholder(name, is_old=False),)
    return found


def values_of(kind: Kind, found: Sources, value: Callable[[Placeholder], tuple[Any, Any]]) -> dict[str, Any]:
    """The values for the placeholders of ``kind``; ``value`` has the field and the value of a placeholder of a rule.

    What is no text is the value of a field as it is; what is a text is written as in the texts of rules.
    """
    said: dict[str, Any] = {}
    for name, parts in found.items():
        if kind.fields[name] is not str and len(parts) == 1 and isinstance(parts[0], Placeholder):
            said[name] = value(parts[0])[1]
        else:
            said[name] = texts.render(parts, lambda placeholder: texts.shown(*value(placeholder)))
    return said


def _line(line: str) -> tuple[str, Parts]:
    name, equals, text = line.partition("=")
    if not equals:
        raise BadKind(_("A line is a placeholder of the kind, = and a text: who = {number}."))
    try:
        return name.strip(), texts.parse(text.strip())
    except BadText as error:
        raise BadKind(str(error)) from None
