"""The one typed reader of the hub's own settings, ``HUB_…``. Django's are read from ``django.conf.settings``."""

import os
import reprlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from msgspec import Meta

from hub.config.environment import UnusableEnvironment, boolean, env

#: Bytes; the web server is told before the settings are read.
MAX_FRAME = 64 * 1024

#: What numbers may be. :func:`faults` compares the settings with their types, and says what they should be.
FromOne = Annotated[int, Meta(ge=1)]
FromZero = Annotated[int, Meta(ge=0)]
Positive = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]
Burst = Annotated[float, Meta(ge=1)]

#: Rates of :mod:`hub.limits`: ``10/minute``, ``10/15 minutes; 100/day``; ``off`` sets no limit.
_RATE = r"[1-9][0-9]{0,8}/([1-9][0-9]{0,4} )?(second|minute|hour|day)s?"
Rates = Annotated[str, Meta(pattern=rf"^(off|{_RATE}(; *{_RATE})*)$")]

#: What says that there is no limit.
NO_LIMIT = frozenset({"off"})

_WORDS = {int: "a whole number", float: "a number", bool: "True or False", str: "a text", Any: "anything"}


@dataclass(frozen=True, slots=True)
class HubSettings:
    """The settings with units. Each is ``HUB_<NAME>`` in Django's settings; where that is not set, the value here."""

    #: Before every key, group and lease in Redis, so that several hubs may share one Redis.
    redis_prefix: str = "hub"
    #: Seconds between two looks into the database for publications that Redis did not bring; 0 switches it off.
    repair_interval: NotNegative = 1.0
    #: Seconds a group join or an announcement may take before the hub goes on without Redis.
    redis_timeout: Positive = 1.0
    #: Announcements that wait for Redis in one process; above it they are dropped, and catch-up delivers.
    announce_queue: FromOne = 20_000
    #: Messages from Redis that wait for the relay of one process; above it they are dropped, and catch-up delivers.
    layer_queue: FromOne = 20_000
    #: Threads for database work of sockets and the relay, in each web process.
    database_threads: FromOne = 8
    #: Requests that Django answers at the same time in each web process, each with a thread and a connection to the
    #: database; and seconds that another one waits for its turn before it is told to come back.
    requests: FromOne = 20
    request_wait: Positive = 5.0
    #: Publications that one resume replays at most; a client that is further behind is told to reload.
    recovery_limit: FromZero = 1000
    #: Bytes that wait for a reader that is too slow; above it the socket is closed and the client comes back.
    write_buffer: FromOne = 1024 * 1024
    #: Bytes of one frame from a client.
    max_frame: FromOne = MAX_FRAME
    #: Messages that one socket may send at once and per second after that, and all sockets of one user together.
    socket_burst: Burst = 40.0
    socket_rate: Positive = 10.0
    user_burst: Burst = 80.0
    user_rate: Positive = 20.0
    #: Frames of any kind, pings and fragments too, that one socket may send at once and per second after that.
    frame_burst: Burst = 1000.0
    frame_rate: Positive = 200.0
    #: Messages and commands of all guests of one address together, at once and per second after that.
    guest_burst: Burst = 500.0
    guest_rate: Positive = 10.0
    #: Connections that one user, and all guests of one address, may begin at once and per second after that.
    connect_user_burst: Burst = 200.0
    connect_user_rate: Positive = 5.0
    connect_address_burst: Burst = 1000.0
    connect_address_rate: Positive = 50.0
    #: Sockets that one user and one address may have open in one web process; 0 sets no bound.
    connections_per_user: FromZero = 100
    connections_per_address: FromZero = 1000
    #: Seconds for the head of a request, from when the client may send it, and for its body after that.
    head_timeout: Positive = 10.0
    body_timeout: Positive = 20.0
    #: Connections of one web process that have not sent a whole head yet; above it the oldest is ended.
    pending_connections: FromOne = 4096
    #: Subscriptions of its own that one client connection may have; those that the hub makes by itself do not count.
    subscriptions_per_socket: FromZero = 128
    #: Characters of publications that one answer to a client recovers at most; whoever missed more reloads.
    recovery_bytes: FromZero = 8 * 1024 * 1024
    #: Secrets of signed tokens for the client connection: each verifies, the first one signs. Empty: no such tokens.
    token_secret: Sequence[str] = field(default=(), repr=False)
    #: What signed tokens must name as their issuer (``iss``) and among their audience (``aud``); empty: not looked at.
    token_issuer: str = ""
    token_audience: str = ""
    #: Seconds that a signed token may be valid at most. A token of longer life, or without an end, is refused, because
    #: nothing takes one back; 0 sets no bound.
    token_lifetime: NotNegative = 86_400.0
    #: Namespaces that are open without code: their options by name, see :mod:`hub.channels.open_namespaces`.
    open_namespaces: Mapping[str, Any] = field(default_factory=dict)
    #: Seconds in which every open socket is once held to the rights its user has then.
    recheck_interval: Positive = 30.0
    #: Seconds over which a server that stops spreads the end of its sockets, so that they do not come back at once.
    stop_spread: NotNegative = 3.0
    #: Bytes of one publication's JSON.
    max_publication: FromOne = 64 * 1024
    #: What this installation keeps of a namespace's publications where that differs from what its app declares:
    #: ``{namespace: {"items": number, "days": number}}``, either may be left out, 0 sets no limit.
    retention: Mapping[str, Mapping[Literal["items", "days"], NotNegative]] = field(default_factory=dict)
    #: Seconds a process stays in the presence lists after its last heartbeat, and between two heartbeats.
    lease_seconds: Positive = 30.0
    lease_beat: Positive = 10.0
    #: Seconds for which a user stays in the presence lists after the last connection ended, so that loading a page
    #: again tells nobody of a leave and a join; 0: they leave at once. Guests always do.
    leave_grace: NotNegative = 5.0
    #: Seconds between two counts of who is online that are sent, at least.
    count_interval: Positive = 0.25
    #: Who may send alerts to everyone over a socket: ``staff``, ``authenticated`` or ``anyone``.
    client_broadcast: Literal["staff", "authenticated", "anyone"] = "staff"
    #: Chat messages that are kept: the newest so many of each room, none older than so many days; 0 sets no limit.
    message_items: FromZero = 100_000
    message_days: NotNegative = 365.0
    #: Alerts that are kept: the newest so many of each person, group and topic and of those to everyone, none older
    #: than so many days; 0 sets no limit. Who has read an alert goes with it.
    alert_items: FromZero = 10_000
    alert_days: NotNegative = 365.0
    #: Who may open chat rooms: ``staff`` or ``authenticated``. A room tells nobody that it is there, and how many one
    #: user opens is bounded (``limit_rooms``); so whoever was let in with an account may talk where they like.
    room_creation: Literal["staff", "authenticated"] = "authenticated"
    #: Whether who may open rooms opens one by connecting to ``/ws/chat/<room_name>/`` where there is none.
    open_rooms_by_connecting: bool = False
    #: The alerts that the hub ships and that are switched on: ``room_opened`` tells everyone of a new public room,
    #: ``user_signed_up`` tells staff of an account that a visitor made. Empty: none.
    shipped_rules: Sequence[Literal["room_opened", "user_signed_up"]] = ()
    #: Rooms that one user may open, messages that one user may write in rooms, topics that one user may follow or
    #: leave, and alerts that one user may send to everyone from a client.
    limit_rooms: Rates = "20/hour; 50/day"
    limit_messages: Rates = "200/minute; 5000/day"
    limit_follows: Rates = "200/hour; 1000/day"
    limit_broadcasts: Rates = "60/minute; 1000/day"
    #: Publications that one user, or all guests of one address, store from clients in channels of a team's own.
    limit_publications: Rates = "600/minute; 20000/day"
    #: What a person is called outside: in channel names, signed tokens (``sub``), the HTTP API and presence. A unique
    #: field of the user model; empty: its key.
    user_id: str = ""
    #: What others read of a person: a field or method of the user model, or the path of a function that takes a user.
    #: Empty: what ``get_full_name()`` says, else what ``str()`` says, and never a mail address.
    display_name: str = ""
    #: What the names of all cookies begin with.
    cookie_prefix: str = "hub_"
    #: Whether visitors may make an account.
    signup: bool = False
    #: Addresses and networks that may read ``/metrics`` and the details of ``/health/ready``. Empty: none by address.
    operator_addresses: Sequence[str] = ("127.0.0.0/8", "::1")
    #: Whoever has this as bearer token may read them from anywhere. Empty: nobody by token.
    operator_token: str = field(default="", repr=False)
    #: Who may read ``/api/docs`` and ``/api/openapi.json``: ``off`` is nobody.
    api_docs: Literal["off", "staff", "anyone"] = "staff"
    #: Accounts that one address may make.
    limit_signup: Rates = "20/hour"
    #: Attempts to log in to one account from one address.
    limit_login: Rates = "10/5 minutes"
    #: Attempts to log in that failed: from one address, and to one account from addresses where its owner is not.
    limit_login_address: Rates = "100/15 minutes"
    limit_login_account: Rates = "100/hour"
    #: Mails with a link for a new password: asked for from one address, and for one mail address.
    limit_reset: Rates = "20/hour"
    limit_reset_mail: Rates = "3/hour; 10/day"
    #: Times that one user may change their mail address.
    limit_mail_addresses: Rates = "5/day"
    #: Access tokens that one user may make.
    limit_tokens: Rates = "50/day"
    #: API keys that are not valid from one address.
    limit_bad_api_keys: Rates = "30/minute"
    #: Calls with one API key; each command of a batch is one.
    limit_api_calls: Rates = "off"


#: Settings whose variable ``hub.settings`` reads in a form of its own.
READ_ELSEWHERE: frozenset[str] = frozenset(
    {
        "cookie_prefix",
        "redis_prefix",
        "token_secret",
        "open_namespaces",
        "retention",
        "client_broadcast",
        "signup",
        "open_rooms_by_connecting",
        "operator_addresses",
    }
)

_current: HubSettings | None = None


def hub_settings() -> HubSettings:
    """The settings in force, read once."""
    global _current
    if _current is None:
        _current = HubSettings(**_given())
    return _current


def from_environment(*, but: Collection[str] = ()) -> dict[str, Any]:
    """The settings that the environment sets, as ``HUB_<NAME>: value``, converted to what they are declared to be.

    Mappings are JSON, lists are separated by commas, an empty variable is none. Needs no configured Django.

    Args:
        but: names of settings that are read elsewhere, in a form of their own.

    Raises:
        UnusableEnvironment: a value is not what its setting is declared to be; the text names the variable.
    """
    kinds = get_type_hints(HubSettings, include_extras=True)
    found = {}
    for setting in fields(HubSettings):
        name = _variable(setting.name)
        if setting.name not in but and (text := env.str(name, default="") if _is_given(name) else ""):
            found[name] = _read(name, text.strip(), kinds[setting.name], is_shown=setting.repr)
    return found


def _is_given(name: str) -> bool:
    return name in os.environ or f"{name}_FILE" in os.environ


def _read(name: str, text: str, kind: Any, *, is_shown: bool) -> Any:
    origin = get_origin(kind)
    try:
        if origin is Mapping:
            return msgspec.json.decode(text, type=kind)
        if origin is Sequence:
            return msgspec.convert([part.strip() for part in text.split(",") if part.strip()], kind)
        return msgspec.convert(boolean(name, text=text) if kind is bool else text, kind, strict=kind is bool)
    except msgspec.ValidationError:
        shown = f", not {reprlib.repr(text)}" if is_shown else ""
        raise UnusableEnvironment(f"{name} must be {in_words(kind)}{shown}.") from None
    except msgspec.DecodeError:
        raise UnusableEnvironment(f"{name} must be JSON: {in_words(kind)}.") from None


def faults() -> list[str]:
    """One sentence for each setting in force that is not what it is declared to be; a secret is in none of them.

    Needs no apps. ``manage.py check`` says them all (``hub.checks``).
    """
    given, kinds = _given(), get_type_hints(HubSettings, include_extras=True)
    found = []
    for setting in fields(HubSettings):
        if setting.name in given:
            value, kind = given[setting.name], kinds[setting.name]
            try:
                msgspec.convert(value, kind)
            except msgspec.ValidationError:
                shown = f", not {reprlib.repr(value)}" if setting.repr else ""
                found.append(f"{_variable(setting.name)} must be {in_words(kind)}{shown}.")
    return found


def refuse_faults() -> None:
    """Raise ``ImproperlyConfigured`` with the first of :func:`faults`: for what starts without Django's checks."""
    for fault in faults():
        raise ImproperlyConfigured(fault)


def in_words(kind: Any) -> str:
    """What a value of this type is, such as ``a whole number from 1 up``."""
    origin, parts = get_origin(kind), get_args(kind)
    if kind == Rates:
        return "rates such as '10/minute' or '10/15 minutes; 100/day', or 'off'"
    if origin is Annotated:
        least, above = parts[1].ge, parts[1].gt
        return in_words(parts[0]) + (f" from {least} up" if above is None else f" above {above}")
    if origin is Literal:
        return " or ".join(map(repr, parts))
    if origin is Mapping:
        return f"a mapping from {in_words(parts[0])} to {in_words(parts[1])}"
    if origin is Sequence:
        return f"a list in which each is {in_words(parts[0])}"
    return _WORDS[kind]


def _given() -> dict[str, Any]:
    """What Django's settings have of the hub's, by its name here."""
    names = HubSettings.__dataclass_fields__
    return {name: getattr(settings, _variable(name)) for name in names if hasattr(settings, _variable(name))}


def _variable(name: str) -> str:
    return f"HUB_{name.upper()}"


def _forget(*, setting: str, **kwargs: Any) -> None:
    global _current
    if setting.startswith("HUB_"):
        _current = None


setting_changed.connect(_forget, dispatch_uid="hub.config.typed_settings")
