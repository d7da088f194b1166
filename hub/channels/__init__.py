"""Names of channels, what holds for each namespace, and who may do what there."""

from hub.channels.namespace import (
    DEFAULT,
    LAST_ID,
    BadPublication,
    Namespace,
    NotAllowed,
    Rule,
    Take,
    UnknownChannel,
    Visit,
    anyone,
    at_once,
    channel_of_group,
    find,
    group_name,
    namespace_of,
    namespaces,
    register,
)
from hub.channels.people import of_person
from hub.channels.rules import allows, hand_over

__all__ = [
    "DEFAULT",
    "LAST_ID",
    "BadPublication",
    "Namespace",
    "NotAllowed",
    "Rule",
    "Take",
    "UnknownChannel",
    "Visit",
    "allows",
    "anyone",
    "at_once",
    "channel_of_group",
    "find",
    "group_name",
    "hand_over",
    "namespace_of",
    "namespaces",
    "of_person",
    "register",
]
