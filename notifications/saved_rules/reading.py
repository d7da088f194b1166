"""A rule as it runs, made of its row; what is wrong with the row is a sentence beside its field."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from hub.users import Key, User, all_users
from hub.validation import MESSAGE_LIMIT
from notifications.models import TITLE_LIMIT
from notifications.saved_rules import opening, texts
from notifications.saved_rules.comparing import BadCondition, Test, test_of
from notifications.saved_rules.models import SavedRule, SavedRuleCondition
from notifications.saved_rules.opening import OpenedModel
from notifications.saved_rules.texts import BadText, Parts, Placeholder
from notifications.sending.alerting import Alert, BadAlert, Recipient, alert, resolve

#: The values of a row by the names of their columns' attributes; None where there is no row.
Values = Mapping[str, Any] | None

#: Recipients of a rule, and conditions, at most.
RECIPIENTS_LIMIT = 20
CONDITIONS_LIMIT = 20


class BadRule(ValueError):
    """What a field of a rule says cannot be; ``field`` is its name."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


@dataclass(frozen=True, slots=True)
class Comparison:
    """A condition that can be asked."""

    column: str
    of_old: bool
    test: Test

    def holds(self, now: Values, old: Values) -> bool:
        """Whether it holds for the row; of a row that is not there nothing does."""
        values = old if self.of_old else now
        return values is not None and self.test(values[self.column])


@dataclass(frozen=True, slots=True)
class ReadyRule:
    """A rule that can run."""

    pk: int
    name: str
    model: OpenedModel
    events: frozenset[str]
    changed: frozenset[str]
    alternatives: tuple[tuple[Comparison, ...], ...]
    paths: tuple[str, ...]
    names: tuple[Recipient, ...]
    level: str
    title: Parts
    message: Parts
    url: Parts

    def applies(self, now: Values, old: Values, *, is_deleted: bool) -> bool:
        """Whether the rule is of this change; ``now`` of a deleted row is what it was."""
        kind = "deleted" if is_deleted else "created" if old is None else "changed"
        if kind not in self.events or now is None:
            return False
        if kind == "changed" and old is not None:
            watched = self.changed or {self.model.column(name).attname for name in self.model.fields}
            if all(now[name] == old[name] for name in watched):
                return False
        return self.conditions_hold(now, old)

    def conditions_hold(self, now: Values, old: Values) -> bool:
        """Whether all conditions of one alternative hold; without conditions they do."""
        return not self.alternatives or any(
            all(one.holds(now, old) for one in together) for together in self.alternatives
        )

    def alert_for(self, now: Mapping[str, Any], old: Values) -> Alert | None:
        """The alert about this row; None where it has no recipient. Raises ``BadAlert``."""
        to: list[Recipient] = [*self._people(now), *self.names]
        said = self.texts_for(now, old)
        if not to:
            return None
        return alert(to=to, level=self.level, title=said["title"], message=said["message"], url=said["url"])

    def texts_for(self, now: Mapping[str, Any], old: Values) -> dict[str, str]:
        """The title, the message and the link about this row."""

        def value(placeholder: Placeholder) -> tuple[Any, Any]:
            field = self.model.column(placeholder.name)
            values = old if placeholder.is_old else now
            return field, None if values is None else values[field.attname]

        def text(parts: Parts, limit: int) -> str:
            said = texts.render(parts, lambda placeholder: texts.shown(*value(placeholder)))
            return said if len(said) <= limit else f"{said[: limit - 1]}…"

        url = texts.render(self.url, lambda placeholder: texts.in_url(value(placeholder)[1]))
        return {"title": text(self.title, TITLE_LIMIT), "message": text(self.message, MESSAGE_LIMIT), "url": url}

    def _people(self, now: Mapping[str, Any]) -> Iterable[User]:
        keys = [key for path in self.paths if (key := self._key(path, now)) is not None]
        return list(all_users().filter(pk__in=keys)) if keys else []

    def _key(self, path: str, now: Mapping[str, Any]) -> Key | None:
        """The key of the person at the end of the path."""
        first, _sep, rest = path.partition("__")
        field: Any = self.model.model._meta.get_field(first)
        value = now[field.attname]
        if value is None:
            return None
        rows = field.related_model._base_manager.filter(**{field.target_field.name: value})
        found: Key | None = rows.values_list(f"{rest}__pk" if rest else "pk", flat=True).first()
        return found


def ready(rule: SavedRule, conditions: Iterable[SavedRuleCondition]) -> ReadyRule:
    """The rule as it runs. Raises :class:`BadRule`."""
    model = opening.opened.get(rule.model)
    if model is None or not model.is_usable:
        raise BadRule("model", _("No rules can be made of this model."))
    events = {
        name
        for name, is_wanted in (
            ("created", rule.on_created),
            ("changed", rule.on_changed),
            ("deleted", rule.on_deleted),
        )
        if is_wanted
    }
    if not events:
        raise BadRule("on_created", _("Say when the rule fires."))
    together: dict[int, list[Comparison]] = {}
    for condition in conditions:
        together.setdefault(condition.alternative, []).append(comparison(model, condition))
    if sum(map(len, together.values())) > CONDITIONS_LIMIT:
        raise BadRule("model", _("A rule has too many conditions."))
    paths, names = _recipients(model, rule.recipients)
    return ReadyRule(
        pk=rule.pk,
        name=rule.name,
        model=model,
        events=frozenset(events),
        changed=frozenset(_field(model, "fields", name).attname for name in _listed(rule.fields, ",")),
        alternatives=tuple(map(tuple, together.values())),
        paths=paths,
        names=names,
        level=rule.level,
        title=_parts(model, "title", rule.title),
        message=_parts(model, "message", rule.message),
        url=_parts(model, "url", rule.url),
    )


def refuse_unknown_recipients(rule: ReadyRule) -> None:
    """Raises :class:`BadRule` where a recipient is nobody now. Asks the database, so it is for when a rule is made."""
    for name in rule.names:
        try:
            resolve(name)
        except BadAlert as error:
            paths = ", ".join(rule.model.recipients) or "–"
            sentence = _("%(error)s Paths from a row: %(paths)s.") % {"error": error, "paths": paths}
            raise BadRule("recipients", sentence) from None


def comparison(model: OpenedModel, condition: SavedRuleCondition) -> Comparison:
    """The condition as it is asked. Raises :class:`BadRule`."""
    field = _field(model, "field", condition.field)
    try:
        test = test_of(field, condition.operator, condition.value)
    except BadCondition as error:
        raise BadRule("value", str(error)) from None
    return Comparison(field.attname, condition.of_old, test)


def _recipients(model: OpenedModel, text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The paths and the names among the recipients."""
    lines = _listed(text, "\n")
    if not 0 < len(lines) <= RECIPIENTS_LIMIT:
        raise BadRule(
            "recipients", _("Name at least one recipient, and at most %(limit)d.") % {"limit": RECIPIENTS_LIMIT}
        )
    names = tuple(line for line in lines if line not in model.recipients)
    return tuple(line for line in lines if line in model.recipients), names


def _parts(model: OpenedModel, name: str, text: str) -> Parts:
    try:
        parts = texts.parse_url(text) if name == "url" else texts.parse(text)
    except BadText as error:
        raise BadRule(name, str(error)) from None
    for part in parts:
        if isinstance(part, Placeholder):
            _field(model, name, part.name)
    return parts


def _field(model: OpenedModel, where: str, name: str) -> Any:
    try:
        return model.column(name)
    except LookupError:
        raise BadRule(
            where,
            _("Rules may not read “%(name)s”, only: %(fields)s.") % {"name": name, "fields": ", ".join(model.fields)},
        ) from None


def _listed(text: str, separator: str) -> list[str]:
    return list(dict.fromkeys(one.strip() for one in text.split(separator) if one.strip()))
