"""The people whom a command names: by what they are called outside, or by what they log in with."""

from collections.abc import Sequence

from hub.users import User, all_users, log_in_field, users_by_id

HELP = "what the person is called outside (the product's id, or the key), or user:NAME of what they log in with"


class Nobody(LookupError):
    """There is no person of this name; the text says so, and how the name may be meant."""


def people_named(names: Sequence[str]) -> list[User]:
    """The people of these names, each once, in their order.

    Raises:
        Nobody: one of them names nobody.
    """
    by_id = users_by_id(names)
    found = {name: by_id.get(name) or _who_logs_in_with(name) for name in names}
    missing = [name for name, person in found.items() if person is None]
    if missing:
        hint = "" if missing[0].startswith("user:") else f" Somebody who logs in with that is user:{missing[0]}."
        raise Nobody(f"There is nobody with the id {', '.join(missing)}.{hint}")
    return list({person.pk: person for person in found.values() if person is not None}.values())


def _who_logs_in_with(name: str) -> User | None:
    kind, _, known = name.partition(":")
    return all_users().filter(**{log_in_field(): known}).first() if kind == "user" and known else None
