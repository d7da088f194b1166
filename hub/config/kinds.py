"""What the values of settings may be: their types, in words for people, and as texts of the environment.

A type is Python's own with the bounds of ``msgspec.Meta``, and with a :class:`Form` where that does not say it all.
"""

import ipaddress
import math
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import environ
import msgspec
from msgspec import Meta

from hub.config import origins


class Form(NamedTuple):
    """What a type does not say about its values."""

    #: What a value is, as it stands after "must be".
    words: str = ""
    #: Makes a value of a text of the environment. Raises ``ValueError`` for a text that is none.
    read: Callable[[str], Any] | None = None
    #: Whether a value of the type is one that the hub can use.
    check: Callable[[Any], bool] | None = None
    #: Whether an empty variable counts as one that is not set.
    may_be_empty: bool = True


class NotThisKind(ValueError):
    """A value, or a text of the environment, is not what its setting is declared to be."""


FromOne = Annotated[int, Meta(ge=1)]
FromZero = Annotated[int, Meta(ge=0)]
Positive = Annotated[float, Meta(gt=0), Form(check=math.isfinite)]
NotNegative = Annotated[float, Meta(ge=0), Form(check=math.isfinite)]
Burst = Annotated[float, Meta(ge=1), Form(check=math.isfinite)]
Port = Annotated[int, Meta(ge=1, le=65535)]

#: Rates of :mod:`hub.limits`: ``10/minute``, ``10/15 minutes; 100/day``; ``off`` sets no limit.
_RATE = r"[1-9][0-9]{0,8}/([1-9][0-9]{0,4} )?(second|minute|hour|day)s?"
Rates = Annotated[
    str,
    Meta(pattern=rf"^(off|{_RATE}(; *{_RATE})*)$"),
    Form("rates such as '10/minute' or '10/15 minutes; 100/day', or 'off'"),
]

#: What says that there is no limit.
NO_LIMIT = frozenset({"off"})

#: Days: what databases can subtract from a date.
LONGEST_RETENTION = 365_000

#: Hosts that are this machine.
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

#: Characters of a secret for signed tokens: as many bytes as SHA-256 gives.
TOKEN_SECRET_LENGTH = 32

#: Parameters that make a secret; shown where one is refused.
GENERATOR = "python -c 'import secrets; print(secrets.token_urlsafe(48))' makes one"


def _read_addresses(text: str) -> list[str]:
    return [] if text == "none" else _parts(text)


def _are_networks(values: Sequence[str]) -> bool:
    try:
        for value in values:
            ipaddress.ip_network(value, strict=False)
    except ValueError:
        return False
    return True


Addresses = Annotated[
    Sequence[str],
    Form("addresses and networks such as 10.0.0.5,10.1.0.0/16, or none", _read_addresses, _are_networks),
]

Proxies = Annotated[
    Sequence[str],
    Form(
        "addresses and networks of proxies such as 127.0.0.1,10.0.0.0/8, or *",
        check=lambda values: _are_networks([value for value in values if value != "*"]),
    ),
]

Origins = Annotated[
    Sequence[str],
    Form(
        "origins such as https://shop.example.com, each with a scheme and a host, without a path and without *",
        check=lambda values: all(map(origins.is_exact, values)),
    ),
]

UrlPath = Annotated[
    str,
    Form(
        "a path such as /hub, of letters, digits and - . _ ~ between slashes",
        lambda text: text.rstrip("/"),
        lambda value: bool(re.fullmatch(r"(/(?!\.{1,2}(/|\Z))[A-Za-z0-9._~-]+)*", value)),
    ),
]

CookiePrefix = Annotated[
    str,
    Form(
        "1 to 40 letters, digits, underscores and hyphens",
        check=lambda value: bool(re.fullmatch(r"[A-Za-z0-9_\-]{0,40}", value, re.ASCII)),
    ),
]

TokenSecrets = Annotated[
    Sequence[Annotated[str, Meta(min_length=TOKEN_SECRET_LENGTH)]],
    Form(f"secrets of at least {TOKEN_SECRET_LENGTH} random characters, separated by commas: {GENERATOR}"),
]


def _is_address_of_keys(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    has_rest = not parts.hostname or parts.username is not None or parts.fragment or port == 0
    is_plain = bool(re.fullmatch(r"[!-~]+", url, re.ASCII))
    return not url or (is_safe and is_plain and not has_rest)


KeysUrl = Annotated[
    str,
    Form(
        "an https:// URL without a password in it; http:// for this machine only, because whoever changes the answer "
        "on its way logs in as anybody",
        check=_is_address_of_keys,
    ),
]


class NamespaceOptions(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What ``HUB_OPEN_NAMESPACES`` opens in a namespace.

    Args:
        subscribe: clients may subscribe, and read what is kept.
        publish: clients may publish.
        presence: clients may ask who is there.
        join_leave: clients that want it are told who comes and leaves.
        force_push_join_leave: they are told so without asking; goes with ``join_leave``.
        history_size: publications that each channel keeps; with 0 they are live only.
        history_ttl: seconds that they are kept, 0 for any time; a text such as ``"5m"`` works as well.
        history_age: another name of ``history_ttl``.
        force_recovery: clients recover what they missed without asking for it; by default where something is kept.
        guests: all this for guests too, not for logged-in users alone.
    """

    subscribe: bool = True
    publish: bool = False
    presence: bool = False
    join_leave: bool = False
    force_push_join_leave: bool = False
    history_size: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    history_ttl: "Age" = 0.0
    history_age: "Age" = 0.0
    force_recovery: bool = True
    guests: bool = False

    @property
    def seconds(self) -> float:
        """``history_ttl`` in seconds."""
        return seconds_of(self.history_ttl or self.history_age)


#: Seconds, or a text such as ``"5m"``.
Age = Annotated[float, Meta(ge=0, le=365 * 86_400)] | Annotated[str, Meta(pattern=r"\A[0-9]{1,8}[smhd]\Z")]


def seconds_of(age: float | str) -> float:
    """An :data:`Age` in seconds."""
    if isinstance(age, str):
        return int(age[:-1]) * {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}[age[-1]]
    return age


OpenNamespaces = Annotated[
    Mapping[Annotated[str, Meta(pattern=r"\A(?:[a-z][a-z0-9_]{0,31})?\Z")], NamespaceOptions],
    Form(
        'JSON like {"news": {"publish": true, "history_size": 100}} with the options '
        f"{', '.join(NamespaceOptions.__struct_fields__)}"
    ),
]

WrittenKinds = Annotated[
    Mapping[str, Mapping[str, Any]],
    Form('JSON like {"order.shipped": {"label": "Order shipped", "message": "Order {number} is on its way"}}'),
]


def _are_kept(retention: Mapping[str, Mapping[str, float]]) -> bool:
    return all(
        math.isfinite(kept.get("items", 0))
        and float(kept.get("items", 0)).is_integer()
        and kept.get("days", 0) <= LONGEST_RETENTION
        for kept in retention.values()
    )


Retention = Annotated[
    Mapping[str, Mapping[Literal["items", "days"], NotNegative]],
    Form('JSON like {"room": {"items": 5000, "days": 365}}, with numbers from 0 (no limit) up', check=_are_kept),
]


def _is_time_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (OSError, ValueError):
        return False
    return True


TimeZone = Annotated[str, Form("a time zone such as Europe/Berlin", check=_is_time_zone)]

#: What a broker and ``celery worker -Q`` take, and no key that Celery's transport has in Redis itself.
_QUEUE = re.compile(r"(?!unacked)[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


def _is_queue_but(other: str) -> Callable[[str], bool]:
    return lambda name: name != other and (not name or _QUEUE.fullmatch(name) is not None)


_QUEUE_WORDS = "the name of one queue: up to 100 letters, digits, '.', '_' and '-', beginning with a letter or digit"

#: What one queue is for is no name of another: calls say queues by what they are for.
DeliveriesQueue = Annotated[str, Form(f"{_QUEUE_WORDS}; not 'bulk'", check=_is_queue_but("bulk"))]
BulkQueue = Annotated[str, Form(f"{_QUEUE_WORDS}; not 'deliveries'", check=_is_queue_but("deliveries"))]

LogLevel = Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], Form(read=str.upper)]

Folder = Annotated[Path, Form("the path of a folder", lambda text: Path(text).resolve())]

DATABASE_SCHEMES = ("sqlite", "postgres", "postgresql")


def database_at(url: str) -> dict[str, Any]:
    """Django's settings of the database at ``url``. Raises ``ValueError`` where it names none."""
    found: dict[str, Any] = {}
    if url.partition(":")[0] in DATABASE_SCHEMES:
        try:
            with warnings.catch_warnings(action="error"):
                found = dict(environ.Env.db_url_config(url))
        except Warning as error:
            raise ValueError from error  # such as a port that is no number
    if not found.get("NAME"):
        raise ValueError
    return found


Database = Annotated[
    Mapping[str, Any],
    Form(
        "the address of a database: sqlite:////absolute/path or postgresql://user:password@host:port/name", database_at
    ),
]

RedisAddress = Annotated[
    str,
    Form(
        "the address of a Redis itself, not of a Sentinel: redis://:password@host:port/0, rediss://… or unix:///path",
        check=lambda url: url.partition("://")[0] in {"", "redis", "rediss", "unix"},
    ),
]


def _mail_at(url: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = environ.Env.email_url_config(url)
    except (environ.ImproperlyConfigured, KeyError) as error:
        raise ValueError from error
    is_smtp = url.lower().startswith("smtp")
    if not found.get("EMAIL_BACKEND") or (is_smtp and not found.get("EMAIL_HOST")):
        raise ValueError
    return {name: value for name, value in found.items() if name.startswith("EMAIL_")}


Mail = Annotated[
    Mapping[str, Any],
    Form("the address of a mail server: smtp+tls://user:password@host:587 or smtp+ssl://…", _mail_at),
]

#: What a variable that is on or off may say, in any case.
BOOLEANS = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}

_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", Any: "anything"}


def form_of(kind: Any) -> Form:
    """What ``kind`` says of its values besides its type."""
    return next((part for part in get_args(kind) if isinstance(part, Form)), Form())


def bounds_of(kind: Any) -> Meta | None:
    """The least and the greatest value, where ``kind`` has them."""
    return next((part for part in get_args(kind) if isinstance(part, Meta)), None)


def plain(kind: Any) -> Any:
    """The type of ``kind`` without what is said about it, such as ``int`` or ``Sequence``."""
    kind = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    return get_origin(kind) or kind


def in_words(kind: Any) -> str:
    """What a value of this kind is, such as ``a whole number from 1 up``."""
    if words := form_of(kind).words:
        return words
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return in_words(parts[0]) + _range_in_words(bounds_of(kind))
    if origin is Literal:
        return " or ".join(map(repr, parts))
    if origin is Mapping:
        return f"a mapping from {in_words(parts[0])} to {in_words(parts[1])}"
    if origin is Sequence:
        return f"a list in which each is {in_words(parts[0])}"
    return _WORDS[kind]


def _range_in_words(bounds: Meta | None) -> str:
    if bounds is None:
        return ""
    if bounds.gt is not None:
        return f" above {bounds.gt}"
    return f" from {bounds.ge} up" if bounds.le is None else f" from {bounds.ge} to {bounds.le}"


def from_text(kind: Any, text: str) -> Any:
    """The value that ``text`` says in the environment: mappings are JSON, commas separate the parts of lists.

    Raises :class:`NotThisKind`.
    """
    form, origin = form_of(kind), plain(kind)
    try:
        if form.read is not None:
            value = form.read(text)
        elif origin is Mapping:
            value = msgspec.json.decode(text)
        elif origin is Sequence:
            value = _parts(text)
        elif origin is bool:
            value = BOOLEANS[text.lower()]
        else:
            value = text
        return _checked(kind, value, strict=origin not in {int, float})
    except (ValueError, KeyError, RecursionError, msgspec.MsgspecError) as error:
        raise NotThisKind from error


def check(kind: Any, value: Any) -> None:
    """Raise :class:`NotThisKind` where ``value``, of Django's settings, is none of ``kind``."""
    try:
        _checked(kind, value, strict=True)
    except (ValueError, msgspec.MsgspecError) as error:
        raise NotThisKind from error


def _checked(kind: Any, value: Any, *, strict: bool) -> Any:
    converted = msgspec.convert(value, kind, strict=strict)
    is_usable = form_of(kind).check
    if is_usable is not None and not is_usable(converted):
        raise ValueError
    return converted


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
