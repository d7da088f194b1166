"""How often something may be done, and how much one client, person or address may have at the same time.

``rates`` counts over all processes, ``tallies`` many small things, ``connections`` what this process holds.
"""

from hub.limits.rates import Limit, TooMany, count_refusal, declare, forget, look, take

__all__ = ["Limit", "TooMany", "count_refusal", "declare", "forget", "look", "take"]
