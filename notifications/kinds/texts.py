"""Texts with placeholders, as kinds have them, in whatever language is active."""

from collections.abc import Mapping
from functools import lru_cache
from string import Formatter
from typing import Any

from django.utils.functional import Promise

#: A text, or one that is translated when somebody reads it.
Text = str | Promise


class BadTemplate(ValueError):
    """A text whose placeholders cannot be filled in: what is wrong with it is in the text."""


class Template:
    """A text with placeholders; a text of ``ngettext_lazy`` chooses its form by one of them."""

    __slots__ = ("_forms", "_text", "number")

    def __init__(self, text: Text) -> None:
        self._text = text
        #: The name of the placeholder that chooses the form; None where there is one form only.
        self.number: str | None = None
        self._forms: tuple[Any, Mapping[str, Any]] | None = None
        # How Django pickles a text of ngettext_lazy says what it is made of. Its own format() is not for threads: the
        # text keeps the number that was asked last.
        made_of: tuple[Any, ...] = text.__reduce__()[1] if isinstance(text, Promise) else ()
        if made_of and isinstance(made_of[-1], dict) and "plural" in made_of[-1]:
            function, _, self.number, forms = made_of
            self._forms = function, forms

    @property
    def is_text(self) -> bool:
        """Whether it was made of something that is a text."""
        return isinstance(self._text, Text)

    @property
    def has_forms(self) -> bool:
        """Whether it has one form for one and others for many."""
        return self._forms is not None

    def pattern(self, values: Mapping[str, Any]) -> str:
        """The text before its placeholders are filled in, in the active language; by ``values`` in the right form."""
        if self._forms is None:
            return str(self._text)
        function, forms = self._forms
        return str(function(**forms, number=values[self.number or ""]))

    def write(self, values: Mapping[str, Any], shown: Mapping[str, str]) -> str:
        """The text with what is ``shown`` in place of placeholders, in the active language.

        Raises:
            BadTemplate: it has other placeholders than these, or none that can be read.
        """
        pattern = self.pattern(values)
        if unknown := placeholders(pattern) - shown.keys():
            raise BadTemplate(f"The text {pattern!r} has a placeholder {{{min(unknown)}}} that is not declared.")
        return pattern.format_map(shown)


@lru_cache(maxsize=4096)
def placeholders(pattern: str) -> frozenset[str]:
    """The names of the placeholders in a text.

    Raises:
        BadTemplate: a placeholder is something else than a name in braces, or a brace stands alone.
    """
    try:
        parts = list(Formatter().parse(pattern))
    except ValueError as error:
        raise BadTemplate(f"The text {pattern!r} cannot be read: {error}. Write {{{{ for a brace.") from None
    found = set()
    for _, name, how, conversion in parts:
        if name is None:
            continue
        if not name.isidentifier() or how or conversion:
            raise BadTemplate(
                f"The text {pattern!r} has a placeholder that is no name in braces, such as {{number}}. "
                "Write {{ for a brace."
            )
        found.add(name)
    return frozenset(found)
