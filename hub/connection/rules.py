"""Asking the rules of a namespace."""

import inspect
from typing import Any

from django.contrib.auth.models import AnonymousUser, User

from hub.channels import Rule, at_once
from hub.threads import in_database_thread


async def allows(rule: Rule | None, user: User | AnonymousUser, arguments: dict[str, Any]) -> bool:
    """Whether ``rule`` lets ``user``; without a rule nobody may. Raises what the rule raises."""
    if rule is None:
        return False
    if isinstance(rule, at_once):
        return rule(user, **arguments)
    if inspect.iscoroutinefunction(rule):
        return bool(await rule(user, **arguments))
    return bool(await in_database_thread(rule, user, **arguments))
