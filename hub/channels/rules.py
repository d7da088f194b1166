"""Calls the rules of a namespace, and passes it what clients publish."""

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hub.channels.namespace import Rule, Take, at_once
from hub.database.threads import in_database_thread

if TYPE_CHECKING:
    from hub.users import Visitor


async def allows(rule: Rule | None, user: "Visitor", arguments: dict[str, Any]) -> bool:
    """Whether ``rule`` permits ``user``; without a rule nobody is permitted. Raises what the rule raises."""
    if rule is None:
        return False
    if isinstance(rule, at_once):
        return rule(user, **arguments)
    return bool(await _call(rule, user, **arguments))


async def hand_over(take: Take, user: "Visitor", data: Any, arguments: dict[str, Any]) -> None:
    """Pass ``data`` that ``user`` publishes to the function of the namespace. Raises what that raises."""
    await _call(take, user, data, **arguments)


async def _call(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """On the event loop where it is async, else in a database thread."""
    if inspect.iscoroutinefunction(function):
        return await function(*arguments, **named)
    return await in_database_thread(function, *arguments, **named)
