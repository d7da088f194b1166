"""The plural forms of a language: the rule is that of Django's gettext for it, the names are those of CLDR.

A catalogue of gettext has the forms by number, and says nothing of their names. Those of Django stand in CLDR's order,
so that a few numbers tell which is which.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache

from django.utils.translation import trans_real

#: All that languages have, in the order of CLDR.
NAMES = ("zero", "one", "two", "few", "many", "other")

#: Some languages have a form for these alone.
MILLION = 1_000_000

#: Whole numbers that, together, reach each form of every language.
NUMBERS = (*range(201), MILLION)

_NUMBER_OF_FORMS = re.compile(r"nplurals\s*=\s*(\d+)")


def form_of(number: int, language: str) -> str:
    """The name of the form in which ``language`` says ``number``, a whole one."""
    rule, names = _rule_of(language)
    return names.get(rule(number), "other")


def forms_of(language: str) -> Mapping[str, int]:
    """The names of the forms in which ``language`` says whole numbers, each with the first such number; in CLDR's
    order.
    """
    found: dict[str, int] = {}
    for number in NUMBERS:
        found.setdefault(form_of(number, language), number)
    return {name: found[name] for name in NAMES if name in found}


@cache
def _rule_of(language: str) -> tuple[Callable[[int], int], Mapping[int, str]]:
    """How gettext numbers the form for a number, and the names of these forms."""
    catalogue = trans_real.translation(language)
    rule: Callable[[int], int] = catalogue.plural
    said = _NUMBER_OF_FORMS.search(catalogue.info().get("plural-forms", ""))
    count = int(said[1]) if said else rule(2) + 1
    first: dict[int, int] = {}
    for number in NUMBERS:
        first.setdefault(rule(number), number)
    names: dict[int, str] = {}
    if sum(rule(number) == rule(0) for number in NUMBERS) == 1:
        names[rule(0)] = "zero"
    if count > 1:
        names[rule(1)] = "one"
    if rule(2) not in {rule(1), rule(3)}:
        names[rule(2)] = "two"
    others = [form for form in range(count) if form not in names]
    if others:
        names[others.pop()] = "other"
    # Those in between: a single one that no small number has is for millions.
    is_of_millions = len(others) == 1 and first.get(others[0], 0) == MILLION
    names.update(zip(others, ("many",) if is_of_millions else ("few", "many"), strict=False))
    return rule, names
