"""What a rule would say of rows that are there."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from notifications.errors import told
from notifications.saved_rules.models import ERROR_LIMIT
from notifications.saved_rules.reading import ReadyRule
from notifications.sending.alerting import BadAlert, resolve

#: Rows of a dry run.
ROWS = 100


@dataclass(frozen=True, slots=True)
class RowPreview:
    """One row, and the alert about it; ``error`` where there can be none."""

    pk: object
    fires: bool
    title: str = ""
    message: str = ""
    url: str = ""
    recipients: int = 0
    group_by: str = ""
    error: str = ""


def dry_run(rule: ReadyRule) -> Sequence[RowPreview]:
    """What the rule would say of the last rows of its model, newest first; sends nothing.

    A row is taken as one that was changed from what it is: conditions on the row before compare with what it has now,
    and what has changed is not known.
    """
    model, rule = rule.model, _resolved(rule)
    names = ["pk", *sorted(model.columns)]
    rows = model.model._base_manager.order_by("-pk").values_list(*names)[:ROWS]
    return [_preview(rule, dict(zip(names, values, strict=True))) for values in rows]


def _resolved(rule: ReadyRule) -> ReadyRule:
    """The rule with the people, groups and topics that it names, so that these are not looked up for each row."""
    try:
        found = [(name, resolve(name)) for name in rule.names]
    except BadAlert:
        return rule  # each row says so
    return replace(rule, names=tuple(name if one is None else one for name, one in found))


def _preview(rule: ReadyRule, values: dict[str, object]) -> RowPreview:
    pk = values["pk"]
    try:
        if not rule.conditions_hold(values, values):
            return RowPreview(pk, fires=False)
        described = rule.alert_for(values, values)
        if described is None:
            return RowPreview(pk, fires=False)
        return RowPreview(
            pk,
            fires=True,
            title=described.title,
            message=described.message,
            url=described.url,
            recipients=len(described.to),
            group_by=described.group_by,
        )
    except BadAlert as error:
        return RowPreview(pk, fires=False, error=str(error))
    except Exception as error:  # noqa: BLE001  # one odd row is a line of the page, as it is one alert less
        return RowPreview(pk, fires=False, error=told(error, ERROR_LIMIT))
