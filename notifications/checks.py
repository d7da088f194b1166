"""What ``manage.py check`` says about audiences, kinds and rules of apps, and about the two settings of locales."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.core import checks
from django.core.exceptions import FieldError

from hub.config import hub_settings
from hub.users import all_users
from notifications import kind_mistakes
from notifications.kinds import declaring as kinds
from notifications.kinds.icons import ICONS, is_sign
from notifications.rules import conditions, discarded
from notifications.sending.named_audiences import BadAudience, declared


@checks.register
def audiences_are_people(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Each audience returns a queryset of people that can be read step by step. Asks no database."""
    return list(_mistakes())


@checks.register
def rules_can_run(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Each rule names fields that its model has, of the kind that it goes by."""
    return [checks.Error(mistake, hint="The rule never runs.", id="hub.E072") for mistake in conditions.mistakes]


@checks.register
def rules_return_alerts(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """No rule drops what ``alert()`` describes."""
    return [
        checks.Error(mistake, hint="Write return alert(…), or a list of alerts.", id="hub.E075")
        for mistake in discarded.mistakes()
    ]


def _mistakes() -> Iterator[checks.CheckMessage]:
    for audience in declared():
        try:
            audience.people()
        except BadAudience as error:
            yield checks.Error(str(error), id="hub.E070")
        except Exception as error:  # noqa: BLE001  # whatever a function of the project's raises
            yield checks.Error(
                f"The audience {audience.label!r} cannot be read: {type(error).__name__}: {error}.",
                hint="Its function takes no arguments and returns a queryset of people.",
                id="hub.E071",
            )


@checks.register
def kinds_have_texts(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Each kind has a name of its own, and texts whose placeholders it declares, in each language."""
    found: list[checks.CheckMessage] = []
    homes: dict[str, str] = {}
    for kind in kinds.made():
        if kind.name in homes:
            sentence = f"Two kinds are named {kind.name!r}: in {homes[kind.name]} and in {kind.home}."
            found.append(checks.Error(sentence, id="hub.E080"))
            continue
        homes[kind.name] = kind.home
        said = f"The kind {kind.name!r} ({kind.home})"
        found += [checks.Error(f"{said} {mistake}", id="hub.E081") for mistake in kind_mistakes.of(kind)]
    return found + [checks.Error(mistake, id="hub.E082") for mistake in kind_mistakes.of_categories(kinds.made())]


@checks.register
def icons_are_known(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Each kind has an icon that widgets show."""
    return [
        checks.Warning(
            f"The kind {kind.name!r} ({kind.home}) has the icon {kind.icon!r}, which is none of the hub's: its widgets"
            " show the icon of the level.",
            hint=f"Write an emoji, at most two characters, or one of {', '.join(sorted(ICONS))}. Clients of your own"
            " get the name as it is: if only they show it, silence hub.W084.",
            id="hub.W084",
        )
        for kind in kinds.declared()
        if (icon := str(kind.icon)) and icon not in ICONS and not is_sign(icon)
    ]


@checks.register
def locales_have_columns(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """``HUB_LANGUAGE_OF`` and ``HUB_TIME_ZONE_OF`` name columns that a query of people can read."""
    found: list[checks.CheckMessage] = []
    settings = hub_settings()
    for setting, name in (("HUB_LANGUAGE_OF", settings.language_of), ("HUB_TIME_ZONE_OF", settings.time_zone_of)):
        try:
            all_users().values_list(name or "pk")
        except FieldError:
            sentence = (
                f"{setting} names {name!r}, which is no field of the user model {all_users().model._meta.label}."
            )
            hint = "Name a field of it, or of what it leads to with two underscores, such as profile__language."
            found.append(checks.Error(sentence, hint=hint, id="hub.E083"))
    return found
