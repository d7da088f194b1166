"""Namespaces that a setting opens without code, ``HUB_OPEN_NAMESPACES``: for trying things out in development.

    {"news": {"publish": true, "guests": true, "history_size": 100, "history_ttl": 300}, "": {}}

opens ``news:<any id>`` and, by the empty name, every name without a colon. What is not said is closed, but that
logged-in users may subscribe.
"""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from django.core.exceptions import ImproperlyConfigured
from msgspec import Meta

from hub.channels.namespace import Namespace, anyone, register, signed_in
from hub.config.environment import UnusableEnvironment

DAY = 86_400.0

Number = Annotated[int, Meta(ge=0, le=1_000_000)]
Seconds = Annotated[float, Meta(ge=0, le=365 * DAY)]
Age = Seconds | Annotated[str, Meta(pattern=r"\A[0-9]{1,8}[smhd]\Z")]
Name = Annotated[str, Meta(pattern=r"\A(?:[a-z][a-z0-9_]{0,31})?\Z")]


class Options(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What is open in a namespace.

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
    history_size: Number = 0
    history_ttl: Age = 0.0
    history_age: Age = 0.0
    force_recovery: bool = True
    guests: bool = False

    @property
    def seconds(self) -> float:
        """``history_ttl`` in seconds."""
        age = self.history_ttl or self.history_age
        if isinstance(age, str):
            return int(age[:-1]) * {"s": 1.0, "m": 60.0, "h": 3600.0, "d": DAY}[age[-1]]
        return age


def read(text: str) -> dict[str, Options]:
    """The setting, as it stands in the environment.

    Raises:
        UnusableEnvironment: one sentence that says what it should be.
    """
    try:
        found = msgspec.json.decode(text or "{}", type=dict[Name, Options])
    except (msgspec.MsgspecError, RecursionError) as error:
        raise UnusableEnvironment(
            'HUB_OPEN_NAMESPACES must be JSON like {"news": {"publish": true, "history_size": 100}} with the options '
            f"{', '.join(Options.__struct_fields__)}: {error}."
        ) from None
    return found


def open_all(namespaces: Mapping[str, Options | Mapping[str, Any]]) -> None:
    """Register the namespaces; called once, when all apps have registered theirs.

    Raises:
        ImproperlyConfigured: an app has declared a namespace of this name, with rules that a setting must not undo;
            or these are no namespaces, where Django's settings name them and not the environment.
    """
    try:
        usable = msgspec.convert(namespaces, dict[Name, Options])
    except msgspec.ValidationError as error:
        raise ImproperlyConfigured(f"HUB_OPEN_NAMESPACES must map names to their options: {error}.") from None
    for name, options in usable.items():
        who = anyone if options.guests else signed_in
        try:
            register(
                Namespace(
                    name,
                    durable=options.history_size > 0,
                    keep_items=options.history_size,
                    keep_days=options.seconds / DAY,
                    can_subscribe=who if options.subscribe else None,
                    can_publish=who if options.publish else None,
                    can_see_presence=who if options.presence else None,
                    presence=options.presence or options.join_leave,
                    counts_guests=options.guests,
                    join_leave=options.join_leave,
                    force_push_join_leave=options.force_push_join_leave and options.join_leave,
                    force_recovery=options.force_recovery,
                )
            )
        except ValueError:
            raise ImproperlyConfigured(
                f"HUB_OPEN_NAMESPACES names {name!r}, which an app declares in code: choose another name."
            ) from None
