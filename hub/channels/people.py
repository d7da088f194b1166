"""The channels of single people, such as ``user:<id>``, also of those whose id no channel's name can have."""

from hub.channels.namespace import Namespace, register
from hub.logs import get_logger
from hub.logs.rare_log import RareLog
from hub.users import ID_FORM

log = get_logger(__name__)

#: Seconds between two lines: the id of a person stays what it is.
_PAUSE = 3600.0

_rare_log = RareLog(log, seconds=_PAUSE)

#: The channel of everybody whose id no channel's name can have. No client hears it.
NOBODY = register(Namespace("nobody", single=True, internal=True, keep_items=1, keep_days=1.0)).name


def of_person(namespace: str, user_id: str) -> str:
    """The channel ``namespace:<id>`` of the person with this id (:func:`hub.users.user_id`).

    Where a name cannot have the id, the channel is one that no client hears, and the log says that there are such
    people: what they are sent is stored all the same, and one of them among many keeps nothing from the others.
    """
    if ID_FORM.fullmatch(user_id):
        return f"{namespace}:{user_id}"
    _rare_log.warning("person_without_channel", kind=namespace, namespace=namespace)
    return NOBODY
