"""Asks the rules of one client's subscriptions again: one that does not answer holds up no other."""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from hub.access import revalidation
from hub.channels import allows
from hub.concurrency.tasks import failure_of
from hub.session.subscriptions import SessionSubscription
from hub.users import Visitor

if TYPE_CHECKING:
    from hub.session.session import Session

S = TypeVar("S", bound=SessionSubscription)

#: Seconds that the answers of the other rules wait for one: below those that others wait for this client
#: (:data:`hub.access.revalidation.LATE`).
TIMEOUT = 1.0


class RuleRevalidation:
    """What is known of the rules of one client that take long."""

    __slots__ = ("_denied", "_session", "_under_way")

    def __init__(self, session: "Session") -> None:
        self._session = session
        #: Those whose rule has not answered, and whether it is to be asked again then.
        self._under_way: dict[SessionSubscription, bool] = {}
        #: Those that were denied after :data:`TIMEOUT`.
        self._denied: set[SessionSubscription] = set()

    async def ask(
        self, user: Visitor, subscriptions: Mapping[S, dict[str, Any]]
    ) -> tuple[dict[S, bool], BaseException | None]:
        """Whether ``user`` may keep each subscription whose rule answers, and the first error of one.

        A rule that takes longer than :data:`TIMEOUT` is a ``TimeoutError``. It goes on, and what it says at last
        counts: the connection is revalidated again then. Each is asked once at a time: one that is asked already, for
        another revalidation of the connection, has no answer here, and is asked again after it.

        Args:
            subscriptions: each with the arguments of its rule.
        """
        denied, self._denied = self._denied, set()
        answers: dict[S, bool] = {}
        asked: list[S] = []
        for one in subscriptions:
            if one in self._under_way:
                self._under_way[one] = True
            elif one in denied:
                answers[one] = False
            else:
                asked.append(one)
                self._under_way[one] = False
        rules = [allows(one.namespace.can_subscribe, user, subscriptions[one]) for one in asked]
        failure: BaseException | None = None
        for one, rule in zip(asked, await revalidation.current().checks.run(rules, TIMEOUT), strict=True):
            if not rule.done():
                failure = failure or TimeoutError()
                rule.add_done_callback(partial(self._answered_late, one))
                continue
            if self._under_way.pop(one):
                revalidation.current().retry(self._session)
            if (error := failure_of(rule)) is not None:
                failure = failure or error
            else:
                answers[one] = rule.result()
        return answers, failure

    def _answered_late(self, subscription: SessionSubscription, rule: asyncio.Task[bool]) -> None:
        again = self._under_way.pop(subscription)
        if rule.cancelling():
            return  # this process stops
        if failure_of(rule) is None:
            if not rule.result():
                self._denied.add(subscription)
            elif not again:
                return
        revalidation.current().retry(self._session)
