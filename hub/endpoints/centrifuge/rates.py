"""How fast the commands of a client may come."""

from typing import TYPE_CHECKING

from hub.access.reasons import End, Ended, Error, Failed
from hub.config import hub_settings
from hub.endpoints.centrifuge import commands
from hub.endpoints.centrifuge.messages import Request
from hub.limits.connections import Bucket, Decision

if TYPE_CHECKING:
    from hub.endpoints.centrifuge.client import Client

#: Cheap commands may come so many times faster than others.
FREE_RATE = 5.0


def check(client: "Client", request: Request) -> None:
    """Apply the rate limit. The first subscriptions, as many as a client may have, are free.

    Raises:
        Failed: the client has to wait.
        Ended: it does not wait.
    """
    if isinstance(request, commands.FREE):
        check_free(client)
        return
    if isinstance(request, commands.OPENING):
        client.opened += 1
        if client.opened <= hub_settings().subscriptions_per_socket:
            return
    match client.check_rate():
        case Decision.REFUSE:
            raise Failed(Error.TOO_MANY_REQUESTS, client.wait)
        case Decision.CLOSE:
            raise Ended(End.TOO_FAST)


def check_free(client: "Client") -> None:
    """Apply the rate limit of cheap commands. It closes: clients do not handle a refusal of these commands.

    Raises :class:`Ended`.
    """
    burst, rate = 2.0 * hub_settings().subscriptions_per_socket, FREE_RATE * hub_settings().socket_rate
    if client.free is None:
        client.free = Bucket()
    if client.free.take(rate, burst):
        raise Ended(End.TOO_FAST)
