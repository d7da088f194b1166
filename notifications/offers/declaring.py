"""What an alert offers to do: buttons that lead somewhere, or that run a function of the product on the server."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.functional import Promise

from hub.validation import is_storable, is_visible
from notifications.safe_urls import is_safe_url

if TYPE_CHECKING:
    from hub.users import User
    from notifications.models import Notification

#: Buttons of one alert, and characters of the name and of the label of one.
ACTIONS_LIMIT, NAME_LIMIT, LABEL_LIMIT = 5, 64, 60

#: How a button looks: as any other, as the one that most people choose, or as one that destroys something.
STYLES = ("", "primary", "danger")


class BadOffer(ValueError):
    """Buttons that an alert cannot have, or a function that cannot be registered: what is wrong is in the text."""


@dataclass(frozen=True, slots=True)
class Action:
    """A button that runs the function which is registered by this name (:func:`action`).

    Args:
        name: of the function.
        label: what the button says, at most 60 characters; a translated text is fixed when the alert is sent.
        style: ``""``, ``"primary"`` or ``"danger"``.
    """

    name: str
    label: str | Promise
    style: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A button that leads somewhere; see :class:`Action`.

    Args:
        url: as that of an alert: ``http(s)://…`` or a path of this site.
    """

    name: str
    label: str | Promise
    url: str
    style: str = ""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What somebody has chosen: given to the function of an :class:`Action`.

    Args:
        user: who has chosen it.
        notification: the alert; its ``data`` says what it is about.
        name: of the action.
    """

    user: "User"
    notification: "Notification"
    name: str


#: Does what was chosen. What it returns is not looked at.
Run = Callable[[Chosen], object]


@dataclass(frozen=True, slots=True)
class RegisteredAction:
    """A function that buttons run, and the permission (``app_label.codename``) that one needs; empty: none."""

    run: Run
    permission: str
    over_http: bool


_registered: dict[str, RegisteredAction] = {}


def action(name: str, *, permission: str = "", over_http: bool = False) -> Callable[[Run], Run]:
    """Register the function that the buttons ``Action(name, …)`` run: decorates it, in ``alerts.py`` of any app.

    The function is called in a transaction, once for each person who chooses it, however often and on however many
    devices at the same time. The choice is stored with what it does, or neither is where it raises. A
    ``hub.validation.Refused`` is told to the person; other errors are logged, and the person is told that it failed.

    Args:
        name: 1 to 64 characters.
        permission: ``app_label.codename`` that the person needs besides the alert, such as ``"shop.change_order"``.
        over_http: whether keys of the HTTP API may offer it. They say what its alert has as ``data``, so the function
            has to check that the person may do this to what is named there.

    Raises:
        BadOffer: the name cannot be one, or another function has it.
    """
    if not _is_name(name):
        raise BadOffer(f"{name!r} is no name for an action: text of 1 to {NAME_LIMIT} characters.")

    def register(run: Run) -> Run:
        known = _registered.setdefault(name, RegisteredAction(run, permission, over_http))
        if _home(known.run) != _home(run):
            raise BadOffer(f"Two actions are named {name!r}: {_home(known.run)} and {_home(run)}.")
        _registered[name] = RegisteredAction(run, permission, over_http)
        return run

    return register


def registered(name: str) -> RegisteredAction | None:
    """The function of this name, if there is one."""
    return _registered.get(name)


def written(actions: Iterable[Action | Link]) -> list[dict[str, str]] | None:
    """The buttons as an alert keeps them, in JSON; None without any.

    Raises:
        BadOffer: they are too many, two have one name, or one cannot be a button.
    """
    found = [_one_written(one) for one in actions]
    if len(found) > ACTIONS_LIMIT:
        raise BadOffer(f"An alert has {ACTIONS_LIMIT} actions at most.")
    if len({one["name"] for one in found}) < len(found):
        raise BadOffer("Each action of an alert has a name of its own.")
    return found or None


def _one_written(one: object) -> dict[str, str]:
    if not isinstance(one, Action | Link):
        raise BadOffer(f"An alert's actions are Action and Link, not {type(one).__name__}.")
    if not _is_name(one.name):
        raise BadOffer(f"An action's name is text of 1 to {NAME_LIMIT} characters.")
    label = str(one.label)
    if not is_visible(label) or len(label) > LABEL_LIMIT or not is_storable(label):
        raise BadOffer(f"An action's label has 1 to {LABEL_LIMIT} characters, one that can be seen among them.")
    if one.style not in STYLES:
        raise BadOffer(f"An action's style is one of {', '.join(map(repr, STYLES))}, not {one.style!r}.")
    return dict(_fields(one, label))


def _fields(one: Action | Link, label: str) -> Iterator[tuple[str, str]]:
    yield from (("name", one.name), ("label", label))
    if isinstance(one, Link):
        if not one.url or not is_safe_url(str(one.url)):
            raise BadOffer("A link's url is http(s)://… or a path of this site that begins with one '/'.")
        yield "url", str(one.url)
    elif one.name not in _registered:
        known = ", ".join(sorted(_registered)) or "none is registered"
        raise BadOffer(
            f"There is no action named {one.name!r}; register it in alerts.py of an app. There are: {known}."
        )
    if one.style:
        yield "style", one.style


def _is_name(name: object) -> bool:
    return isinstance(name, str) and 0 < len(name) <= NAME_LIMIT and is_storable(name)


def _home(function: Any) -> str:
    return f"{function.__module__}.{function.__qualname__}"
