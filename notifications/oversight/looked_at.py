"""What somebody has looked at before they send it or take it back, as a signed text that comes back with the form."""

import hashlib
import json
from typing import Any, NamedTuple

from django.core import signing
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

_SALT = "notifications.oversight.looked_at"

#: An audience of so many people or more may differ by one in so many: in a large one somebody always comes or goes.
ONE_IN = 100

#: Seconds after which it has to be looked at again: as many people may be others by then.
AGE = 24 * 3600


class Look(NamedTuple):
    """What is looked at.

    Args:
        by: who looks.
        contents: what would be done, as plain values.
        people: how many people it is for.
    """

    by: str
    contents: Any
    people: int

    @property
    def seal(self) -> str:
        """The text that says that this was shown."""
        return signing.dumps([self.by, _digest(self.contents), self.people], salt=_SALT)

    def objection(self, seal: str) -> str:
        """Why this has to be looked at before it is done; empty where ``seal``, which came with the form, says that
        it was.
        """
        try:
            seen_by, digest, before = signing.loads(seal, salt=_SALT, max_age=AGE)
        except (signing.BadSignature, ValueError):
            return _("Look at this first, then go on.")
        if (seen_by, digest) != (self.by, _digest(self.contents)):
            return _("This is not what you have looked at. Look at it as it is now, then go on.")
        now = self.people
        if abs(now - before) > before // ONE_IN:
            said_before = ngettext("it was %(number)d person", "it was %(number)d people", before) % {"number": before}
            said_now = ngettext("now it is %(number)d person", "now it is %(number)d people", now) % {"number": now}
            return _("The recipients have changed since you looked: %(before)s, %(now)s.") % {
                "before": said_before,
                "now": said_now,
            }
        return ""


def _digest(contents: Any) -> str:
    return hashlib.sha256(json.dumps(contents, sort_keys=True).encode()).hexdigest()
