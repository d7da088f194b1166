"""Channel names, what is known about each namespace, and the Channels-layer group of a channel.

A channel is ``namespace`` or ``namespace:id``. Names are made by the hub's own code from ids, never from what a user
typed, so the alphabet is small: what does not match is refused before it can reach Redis, SQL or a log. A name without
a colon that no app has registered belongs to the default namespace, which is closed unless ``HUB_OPEN_NAMESPACES``
opens it.

Who may do what is said by the *rules* of a namespace, which stand next to the code of the app that owns it. What no
rule allows is not allowed.
"""

import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.urls.resolvers import RoutePattern

if TYPE_CHECKING:
    from hub.users import Visitor

_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}:[A-Za-z0-9_\-]{1,64}|[A-Za-z0-9_][A-Za-z0-9_\-]{0,63}", re.ASCII)

#: No id of a row is larger, in any of the databases.
LAST_ID = 2**63 - 1

#: The namespace of names without a colon that no app has registered.
DEFAULT = ""

#: Says whether a user may do something in a channel. Called with the user, and by name with the arguments of the
#: channel's id (``id`` where the namespace has no pattern). A plain function is called in a database thread, an async
#: one on the event loop, and so is one that is marked with :class:`at_once`.
Rule = Callable[..., "bool | Awaitable[bool]"]

#: Takes what a client publishes: called with the user, the decoded JSON, and by name with the arguments of the
#: channel's id. A plain function is called in a database thread, an async one on the event loop.
Take = Callable[..., "object | Awaitable[object]"]


class UnknownChannel(ValueError):
    """The name is malformed, or no app has registered its namespace."""


class BadPublication(ValueError):
    """What a client wants to publish is not of the kind that the channel takes."""


class NotAllowed(PermissionError):
    """This user may not publish this."""


class at_once:  # noqa: N801  # used as a decorator
    """Marks a rule that asks no database and waits for nothing: it is called on the event loop."""

    def __init__(self, rule: Callable[..., bool]) -> None:
        self.rule = rule

    def __call__(self, user: "Visitor", **arguments: Any) -> bool:
        return self.rule(user, **arguments)


@at_once
def anyone(user: "Visitor", **arguments: Any) -> bool:
    """A rule: everybody may, guests included."""
    return True


@at_once
def signed_in(user: "Visitor", **arguments: Any) -> bool:
    """A rule: everybody may who has an account."""
    return user.is_authenticated


@dataclass(frozen=True, slots=True)
class Visit:
    """A connection at a channel with presence, over any endpoint.

    Args:
        channel: where.
        user: who.
        person: how presence names them; one for all connections of a user.
        only: they have no other connection there: they came just now, or are gone now. Who comes back within
            ``HUB_LEAVE_GRACE`` has not been gone, and does not join again.
        restarting: the connection ends because this server stops; the client will come back.
    """

    channel: str
    user: "Visitor"
    person: str
    only: bool
    restarting: bool = False


#: Told of a visit's beginning or end, on the event loop. What it returns at the beginning goes to the client.
Tell = Callable[[Visit], Awaitable[Any]]


#: Given channels of a namespace, the alias groups of those that have some. Called in a database thread when a process
#: opens channels, all of the same moment together, and when :class:`hub.access.control.Revalidate` names one.
Aliases = Callable[[Collection[str]], Mapping[str, Collection[str]]]


@dataclass(frozen=True, slots=True)
class Namespace:
    """What holds for all channels of one namespace.

    Args:
        name: the part before the colon, or the whole name where there is one channel only (``everyone``).
        durable: publications are rows and can be recovered; else they are live only.
        single: there is one channel, named like the namespace, without an id.
        keep_items: the newest publications that each channel keeps, at most; 0 sets no such limit.
        keep_days: days that a publication is kept, at most; 0 sets no such limit. Both limits hold, and
            ``HUB_RETENTION`` may change either for an installation.
        internal: the hub's own business: no client may subscribe or publish, whatever the settings open.
        pattern: of the id, with converters as in a URL of Django (``"<int:id>"``); by default any id, as ``id``.
        can_subscribe: the rule for subscribing, and so for recovering and, with ``history``, for reading history.
        can_publish: the rule for publishing from a client; looked at for every publication.
        can_see_presence: the rule for asking who is there.
        history: whether whoever may subscribe may also ask for what is kept.
        presence: whether connections that are subscribed are counted as being there.
        counts_guests: whether guests are; each connection of a guest is a person of its own then.
        join_leave: whether subscribers are told which people come and leave, where they ask for it.
        force_push_join_leave: they are told so without asking.
        force_recovery: clients recover what they missed without asking for it.
        take: gets what a client publishes, in place of the channel: the action of the app that owns it.
        leave_grace: whether a user who leaves stays on the lists for ``HUB_LEAVE_GRACE``, so that who comes back
            meanwhile has not been gone. Off: for a channel in which nobody hears of single people.
        entered, left: told of each visit, with presence; of a user's last one when the grace time is over.
        aliases: other groups of the channel layer whose events of other code reach the channel too, such as the names
            of Channels' tutorials; for a namespace with ids a function that finds them, see :data:`Aliases`.
    """

    name: str
    durable: bool = True
    single: bool = False
    keep_items: int = 10_000
    keep_days: float = 30.0
    internal: bool = False
    pattern: str = ""
    can_subscribe: Rule | None = None
    can_publish: Rule | None = None
    can_see_presence: Rule | None = None
    history: bool = True
    presence: bool = False
    counts_guests: bool = False
    join_leave: bool = False
    force_push_join_leave: bool = False
    force_recovery: bool = True
    take: Take | None = None
    leave_grace: bool = True
    entered: Tell | None = None
    left: Tell | None = None
    aliases: "Collection[str] | Aliases" = ()


_namespaces: dict[str, Namespace] = {}


def register(namespace: Namespace) -> Namespace:
    """Make a namespace known; called once by the app that owns it. Returns it.

    Raises:
        ValueError: another declaration with this name exists; or this one makes no sense.
    """
    if namespace.join_leave and not namespace.presence:
        raise ValueError(f"The namespace {namespace.name!r} cannot tell who comes and leaves without presence.")
    if namespace.force_push_join_leave and not namespace.join_leave:
        raise ValueError(f"The namespace {namespace.name!r} cannot push who comes and leaves without join_leave.")
    known = _namespaces.setdefault(namespace.name, namespace)
    if known != namespace:
        raise ValueError(f"The namespace {namespace.name!r} is declared twice.")
    return namespace


def namespace_of(channel: str) -> Namespace:
    """The namespace of ``channel``.

    Raises:
        UnknownChannel: the name is not of the form above, or nobody registered its namespace.
    """
    if not _NAME.fullmatch(channel):
        raise UnknownChannel("A channel is named 'namespace' or 'namespace:id' in ASCII letters, digits, '_' and '-'.")
    name, colon, _ = channel.partition(":")
    namespace = _namespaces.get(name)
    if not colon and (namespace is None or not namespace.single):
        namespace = _namespaces.get(DEFAULT)
    elif namespace is not None and namespace.single is bool(colon):
        namespace = None
    if namespace is None:
        raise UnknownChannel(f"No app has registered the channel {channel!r}.")
    return namespace


def find(channel: str) -> tuple[Namespace, dict[str, Any]]:
    """The namespace of a channel that a client names, and the arguments for its rules.

    Raises:
        UnknownChannel: as :func:`namespace_of`; or the id is none of the namespace, such as a number that no row can
            have; or it is an internal one.
    """
    namespace = namespace_of(channel)
    if namespace.internal:
        raise UnknownChannel(f"{channel!r} is not for clients.")
    if namespace.single:
        return namespace, {}
    _, _, text = channel.rpartition(":")
    if not namespace.pattern:
        return namespace, {"id": text}
    match = _route(namespace.pattern).match(text)
    # An id has one way to be written: `room:07` is not another channel for the room `7`.
    if match is None or not _can_be_a_row(match[2]) or _written(namespace.pattern, match[2]) != text:
        raise UnknownChannel(f"{channel!r} has no id of its namespace.")
    return namespace, match[2]


def _can_be_a_row(arguments: Mapping[str, Any]) -> bool:
    """Whether a database can look for these ids: SQLite takes no larger number, not even in a question."""
    return all(abs(value) <= LAST_ID for value in arguments.values() if isinstance(value, int))


@lru_cache(maxsize=256)
def _route(pattern: str) -> RoutePattern:
    return RoutePattern(pattern, is_endpoint=True)


_ARGUMENT = re.compile(r"<(?:[^>:]+:)?([^>]+)>")


def _written(pattern: str, arguments: Mapping[str, Any]) -> str:
    converters = _route(pattern).converters
    return _ARGUMENT.sub(lambda found: str(converters[found[1]].to_url(arguments[found[1]])), pattern)


def namespaces() -> list[Namespace]:
    """All that are registered, by name."""
    return [_namespaces[name] for name in sorted(_namespaces)]


#: What the name of each of the hub's own groups begins with.
_GROUP = "hub."


def group_name(channel: str) -> str:
    """The Channels-layer group that carries ``channel``: the same name with ``.`` for ``:``, after ``hub.``.

    Stable, and public as :func:`hub.group`. Always within the alphabet (ASCII letters, digits, ``-_.``) and the length
    (under 100) that Channels allows.
    """
    return _GROUP + channel.replace(":", ".")


def channel_of_group(group: str) -> str | None:
    """The channel of a group that :func:`group_name` has named; None for another group."""
    return group.removeprefix(_GROUP).replace(".", ":") if group.startswith(_GROUP) else None
