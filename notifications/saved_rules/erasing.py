"""Takes people out of the rules that name them."""

from hub.users import User, log_in_field, user_id
from notifications.saved_rules.models import RuleState, SavedRule


def forget(user: User) -> None:
    """Take the person out of the recipients of all rules; a rule that has no other is switched off."""
    names = _names(user)
    for rule in naming(user):
        rule.recipients = "\n".join(line for line in rule.recipients.splitlines() if line.strip() not in names)
        rule.state = rule.state if rule.recipients.strip() else RuleState.OFF
        rule.last_error = ""
        rule.save(update_fields=["recipients", "state", "last_error"])


def naming(user: User) -> list[SavedRule]:
    """The rules that have the person among their recipients by name; all rules are few enough to be looked through."""
    names = _names(user)
    return [
        rule for rule in SavedRule.objects.all() if not names.isdisjoint(map(str.strip, rule.recipients.splitlines()))
    ]


def _names(user: User) -> set[str]:
    name = getattr(user, log_in_field())
    return {user_id(user)} if name is None else {user_id(user), f"user:{name}"}
