"""A rule as it runs, made of its row; what is wrong with the row is a sentence beside its field."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext as _
from msgspec import UNSET

from hub.users import Key, User, all_users
from hub.validation import MESSAGE_LIMIT
from notifications.kinds.declaring import Kind
from notifications.models import BUNDLE_LIMIT, TITLE_LIMIT
from notifications.saved_rules import opening, texts
from notifications.saved_rules.comparing import BadCondition, Test, test_of
from notifications.saved_rules.models import RuleState, SavedRule, SavedRuleCondition
from notifications.saved_rules.of_kinds import BadKind, Sources, declared_kind, sources, values_of
from notifications.saved_rules.opening import OpenedModel
from notifications.saved_rules.texts import BadText, Parts, Placeholder
from notifications.sending.alerting import LONGEST_THROTTLE, Alert, BadAlert, Recipient, alert, resolve

#: The values of a row by the names of their columns' attributes; None where there is no row.
Values = Mapping[str, Any] | None

#: Recipients of a rule, and conditions, at most.
RECIPIENTS_LIMIT = 20
CONDITIONS_LIMIT = 20


class BadSavedRule(ValueError):
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
    kind: Kind | None
    values: Sources
    group_by: Parts
    throttle: timedelta | None
    #: It sends nothing: what it would have sent is kept.
    is_on_trial: bool

    @property
    def is_for_people_alone(self) -> bool:
        """Whether it says that its alerts are grouped or held, which those that many share are not."""
        return bool(self.group_by or self.throttle)

    def applies(self, now: Values, old: Values, *, is_deleted: bool) -> bool:
        """Whether the rule is of this change; ``now`` of a deleted row is what it was."""
        return (
            now is not None
            and self.is_of(event_of(old, is_deleted=is_deleted))
            and (is_deleted or self.counts(now, old))
            and self.conditions_hold(now, old)
        )

    def is_of(self, event: str) -> bool:
        """Whether the rule is of such changes at all: ``created``, ``changed`` or ``deleted``."""
        return event in self.events

    def counts(self, now: Mapping[str, Any], old: Values) -> bool:
        """Whether one of the fields that count has another value; all of a new row do."""
        if old is None:
            return True
        watched = self.changed or {self.model.column(name).attname for name in self.model.fields}
        return any(now[name] != old[name] for name in watched)

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
        value = self._value_of(now, old)
        return alert(
            to=to,
            level=self.level or UNSET,
            title=said["title"],
            message=said["message"],
            url=said["url"],
            kind=self.kind,
            params=None if self.kind is None else values_of(self.kind, self.values, value),
            group_by=_cut(_written(self.group_by, value), BUNDLE_LIMIT) if self.group_by else None,
            throttle=self.throttle,
        )

    def texts_for(self, now: Mapping[str, Any], old: Values) -> dict[str, str]:
        """The title, the message and the link about this row, as the rule has them; a kind may have its own."""
        value = self._value_of(now, old)
        return {
            "title": _cut(_written(self.title, value), TITLE_LIMIT),
            "message": _cut(_written(self.message, value), MESSAGE_LIMIT),
            "url": texts.render(self.url, lambda placeholder: texts.in_url(value(placeholder)[1])),
        }

    def _value_of(self, now: Mapping[str, Any], old: Values) -> Callable[[Placeholder], tuple[Any, Any]]:
        """What a placeholder stands for: its field, and the value of that."""

        def value(placeholder: Placeholder) -> tuple[Any, Any]:
            field = self.model.column(placeholder.name)
            values = old if placeholder.is_old else now
            return field, None if values is None else values[field.attname]

        return value

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


def event_of(old: Values, *, is_deleted: bool) -> str:
    """What happened to the row: ``created``, ``changed`` or ``deleted``."""
    return "deleted" if is_deleted else "created" if old is None else "changed"


def ready(rule: SavedRule, conditions: Iterable[SavedRuleCondition]) -> ReadyRule:
    """The rule as it runs. Raises :class:`BadSavedRule`."""
    model = opening.opened.get(rule.model)
    if model is None or not model.is_usable:
        raise BadSavedRule("model", _("No rules can be made of this model."))
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
        raise BadSavedRule("on_created", _("Say when the rule fires."))
    together: dict[int, list[Comparison]] = {}
    for condition in conditions:
        together.setdefault(condition.alternative, []).append(comparison(model, condition))
    if sum(map(len, together.values())) > CONDITIONS_LIMIT:
        raise BadSavedRule("model", _("A rule has too many conditions."))
    paths, names = _recipients(model, rule.recipients)
    kind = _kind(rule)
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
        kind=kind,
        values=_values(model, kind, rule.values),
        group_by=_parts(model, "group_by", rule.group_by),
        throttle=_throttle(rule.throttle),
        is_on_trial=rule.state == RuleState.TRIAL,
    )


def _kind(rule: SavedRule) -> Kind | None:
    """The kind of the rule, whose own texts the rule leaves out."""
    try:
        kind = declared_kind(rule.kind)
    except BadKind as error:
        raise BadSavedRule("kind", str(error)) from None
    own = set() if kind is None else kind.templates.keys()
    for name in own:
        if getattr(rule, name):
            raise BadSavedRule(name, _("The kind has a text of its own here: leave this empty."))
    if not (rule.message or "message" in own):
        raise BadSavedRule("message", _("Say what people read, or choose a kind that has a message."))
    return kind


def _values(model: OpenedModel, kind: Kind | None, written: str) -> Sources:
    try:
        found = sources(kind, written, lambda name: name in model.fields)
    except BadKind as error:
        raise BadSavedRule("values", str(error)) from None
    for parts in found.values():
        _refuse_unknown_fields(model, "values", parts)
    return found


def _throttle(minutes: int | None) -> timedelta | None:
    if minutes is None:
        return None
    longest = LONGEST_THROTTLE // timedelta(minutes=1)
    if minutes > longest:
        raise BadSavedRule("throttle", _("At most %(number)d minutes, which are 7 days.") % {"number": longest})
    return timedelta(minutes=minutes)


def refuse_unknown_recipients(rule: ReadyRule) -> None:
    """Raises :class:`BadSavedRule` where a recipient is nobody now. Asks the database: for when a rule is made."""
    for name in rule.names:
        try:
            found = resolve(name)
        except BadAlert as error:
            paths = ", ".join(rule.model.recipients) or "–"
            sentence = _("%(error)s Paths from a row: %(paths)s.") % {"error": error, "paths": paths}
            raise BadSavedRule("recipients", sentence) from None
        if rule.is_for_people_alone and not isinstance(found, User):
            raise BadSavedRule(
                "recipients",
                _("Alerts that are grouped or held go to people alone: name them by paths from the row or user:NAME."),
            )


def comparison(model: OpenedModel, condition: SavedRuleCondition) -> Comparison:
    """The condition as it is asked. Raises :class:`BadSavedRule`."""
    field = _field(model, "field", condition.field)
    try:
        test = test_of(field, condition.operator, condition.value)
    except BadCondition as error:
        raise BadSavedRule("value", str(error)) from None
    return Comparison(field.attname, condition.of_old, test)


def _recipients(model: OpenedModel, text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The paths and the names among the recipients."""
    lines = _listed(text, "\n")
    if not 0 < len(lines) <= RECIPIENTS_LIMIT:
        raise BadSavedRule(
            "recipients", _("Name at least one recipient, and at most %(limit)d.") % {"limit": RECIPIENTS_LIMIT}
        )
    names = tuple(line for line in lines if line not in model.recipients)
    return tuple(line for line in lines if line in model.recipients), names


def _parts(model: OpenedModel, name: str, text: str) -> Parts:
    try:
        parts = texts.parse_url(text) if name == "url" else texts.parse(text)
    except BadText as error:
        raise BadSavedRule(name, str(error)) from None
    _refuse_unknown_fields(model, name, parts)
    return parts


def _refuse_unknown_fields(model: OpenedModel, where: str, parts: Parts) -> None:
    for part in parts:
        if isinstance(part, Placeholder):
            _field(model, where, part.name)


def _written(parts: Parts, value: Callable[[Placeholder], tuple[Any, Any]]) -> str:
    return texts.render(parts, lambda placeholder: texts.shown(*value(placeholder)))


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _field(model: OpenedModel, where: str, name: str) -> Any:
    try:
        return model.column(name)
    except LookupError:
        raise BadSavedRule(
            where,
            _("Rules may not read “%(name)s”, only: %(fields)s.") % {"name": name, "fields": ", ".join(model.fields)},
        ) from None


def _listed(text: str, separator: str) -> list[str]:
    return list(dict.fromkeys(one.strip() for one in text.split(separator) if one.strip()))
