"""How often something may be done, and how much one client, person or address may have at the same time.

``rates`` counts over all processes, ``tallies`` many small things, ``connections`` what this process holds.
"""

from typing import TYPE_CHECKING, Any

from hub.limits.connections import counted_host
from hub.limits.rates import Limit, TooMany, count_refusal, declare, forget, look, take

if TYPE_CHECKING:
    from hub.limits.tallies import Tally

__all__ = ["Limit", "Tally", "TooMany", "count_refusal", "counted_host", "declare", "forget", "look", "take"]


def __getattr__(name: str) -> Any:
    # It asks the database, and the web server needs the rest of this package before the apps are ready.
    if name == "Tally":
        from hub.limits.tallies import Tally

        return Tally
    raise AttributeError(name)
