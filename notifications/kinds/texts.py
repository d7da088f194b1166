"""Texts with placeholders, as kinds have them, in whatever language is active."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from functools import lru_cache
from string import Formatter
from typing import Any

from django.utils.functional import Promise

#: A text, or one that is translated when somebody reads it.
Text = str | Promise


class Forms(ABC):
    """A text with a form for one and others for many; ``number`` is the name of the placeholder that chooses one."""

    __slots__ = ("number",)

    #: How the placeholder is named where the text is written, for people.
    how = ""

    def __init__(self, number: str | None) -> None:
        self.number = number

    @abstractmethod
    def form(self, number: int) -> str:
        """The form for ``number`` in the active language."""

    def mistakes(self) -> Iterator[str]:
        """What is wrong with the forms in the active language, in sentences that go on behind the name of the text."""
        return iter(())


class _OfGettext(Forms):
    """The forms of ``ngettext_lazy``."""

    __slots__ = ("_forms", "_function")

    how = "ngettext_lazy(…, …, 'count')"

    def __init__(self, function: Any, number: str | None, forms: Mapping[str, Any]) -> None:
        super().__init__(number)
        self._function, self._forms = function, forms

    def form(self, number: int) -> str:
        return str(self._function(**self._forms, number=number))


class BadTemplate(ValueError):
    """A text whose placeholders cannot be filled in: what is wrong with it is in the text."""


class Template:
    """A text with placeholders; one with several forms chooses its form by one of them."""

    __slots__ = ("_text", "forms")

    def __init__(self, text: Text | Forms) -> None:
        self._text = text
        #: None where there is one form only.
        self.forms: Forms | None = text if isinstance(text, Forms) else None
        # How Django pickles a text of ngettext_lazy says what it is made of. Its own format() is not for threads: the
        # text keeps the number that was asked last.
        made_of: tuple[Any, ...] = text.__reduce__()[1] if isinstance(text, Promise) else ()
        if made_of and isinstance(made_of[-1], dict) and "plural" in made_of[-1]:
            function, _, number, forms = made_of
            self.forms = _OfGettext(function, number, forms)

    @property
    def is_text(self) -> bool:
        """Whether it was made of something that is a text."""
        return isinstance(self._text, Text | Forms)

    @property
    def has_forms(self) -> bool:
        """Whether it has one form for one and others for many."""
        return self.forms is not None

    @property
    def number(self) -> str | None:
        """The name of the placeholder that chooses the form; None where there is one form only."""
        return self.forms.number if self.forms is not None else None

    def pattern(self, values: Mapping[str, Any]) -> str:
        """The text before its placeholders are filled in, in the active language; by ``values`` in the right form.

        Raises:
            BadTemplate: no whole number among them chooses the form.
        """
        if self.forms is None:
            return str(self._text)
        number = values.get(self.number or "")
        if not isinstance(number, int):
            raise BadTemplate(f"A text with a plural has no whole number that chooses its form: {self.forms.how}.")
        return self.forms.form(number)

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
