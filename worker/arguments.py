"""Whether a task takes the arguments that a periodic task has for it.

Names and number are compared with the task's signature. A task looks at the values itself, where it is declared with
``check_values``::

    @shared_task(check_values=staticmethod(check))

``check`` is called with all arguments by name, defaults too, and raises ``ValueError`` for values with which the task
fails whenever it is run. What may change until the due time is not its business.
"""

import inspect
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from worker.application import signature_of


def misfit(task: Any, args: Any, kwargs: Any) -> tuple[str, str] | None:
    """What is wrong with these arguments: the name of the field, ``args`` or ``kwargs``, and a sentence; else None.

    ``task`` is a task of Celery, or None where this process does not know it: then only the form is looked at.
    """
    if not isinstance(args, list):
        return "args", _('Positional arguments are a JSON list like ["a", 1].')
    if not isinstance(kwargs, dict):
        return "kwargs", _('Keyword arguments are a JSON object like {"message": "…"}.')
    if task is None:
        return None
    signature = signature_of(task)
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError:
        return _what_does_not_fit(signature.parameters, args, kwargs)
    if check := getattr(task, "check_values", None):
        bound.apply_defaults()
        try:
            check(**bound.arguments)
        except ValueError as error:
            return "kwargs" if kwargs or not args else "args", str(error)
    return None


def _what_does_not_fit(
    parameters: Mapping[str, inspect.Parameter], args: list[Any], kwargs: dict[str, Any]
) -> tuple[str, str]:
    named = [name for name, one in parameters.items() if one.kind in {one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY}]
    takes = ", ".join(named)
    open_ended = any(one.kind is one.VAR_KEYWORD for one in parameters.values())
    unknown = [] if open_ended else sorted(kwargs.keys() - set(named))
    if unknown:
        return "kwargs", _("The task has no argument %(name)s. It takes: %(takes)s.") % {
            "name": unknown[0],
            "takes": takes,
        }
    for name in named[len(args) :]:
        if parameters[name].default is inspect.Parameter.empty and name not in kwargs:
            return "kwargs", _("The task needs the argument %(name)s.") % {"name": name}
    return "args", _("The task does not take these positional arguments. It takes: %(takes)s.") % {"takes": takes}
