"""Rules that describe an alert and do not return it: nothing is sent, and nothing else says so."""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from tokenize import TokenError
from typing import Any

from notifications.sending.alerting import alert

#: The functions of the project that were declared to be rules.
_rules: list[Callable[..., Any]] = []


def note(rule: Callable[..., Any]) -> None:
    """Remember a rule, for ``manage.py check``."""
    _rules.append(rule)


def mistakes() -> Iterator[str]:
    """A sentence for each call of ``alert()`` in a rule whose result nothing takes. Reads the source of the rules."""
    for rule in {id(rule): rule for rule in _rules}.values():  # an object that is called need not have a hash
        for line in lines(rule):
            yield (
                f"The rule {rule.__module__}.{rule.__qualname__} makes an alert in line {line} and does not return "
                "it: it is not sent."
            )


def lines(rule: Callable[..., Any]) -> Iterator[int]:
    """The lines of its file in which the rule calls ``alert()`` for nothing; none where its source is not known."""
    try:
        function = inspect.unwrap(rule)
        source, first = inspect.getsourcelines(function)
        tree = ast.parse(textwrap.dedent("".join(source)))
    except (OSError, TypeError, ValueError, SyntaxError, TokenError):
        return
    own = getattr(getattr(function, "__code__", None), "co_varnames", ())
    names = {name for name, value in getattr(function, "__globals__", {}).items() if value is alert}.difference(own)
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Call(func=ast.Name(id=name))) if name in names:
                yield first + node.lineno - 1
