"""Erasing people."""

from collections.abc import Collection

from django.db import transaction

from hub.access import control
from hub.database.older_transactions import wait_for_older
from hub.logs import get_logger
from hub.privacy.parts import are_texts_removed, erased_texts, parts
from hub.streams import personal
from hub.users import User, field_named, is_own_model, user_id

log = get_logger(__name__)

#: How the connections of the person end: clients do not come back by themselves.
_CODE, _REASON = 3503, "force disconnect"

#: What stands where somebody published who was erased.
_ERASED = '{"type":"hub.publication_erased"}'


def erase(user: User, *, account: bool | None = None) -> None:
    """Erase what the hub holds of ``user``, in all tables and in the histories of all channels.

    When it returns, that is stored, and nobody who comes back or reloads gets any of it; what clients have received
    stays with them. The person's connections end within about a second, and what Redis holds of them (who is there)
    goes with these.

    Args:
        account: whether the row of the person goes as well; by default where the model is the hub's own. A project's
            own people are for the project to delete.

    Raises ``django.db.Error``: nothing is erased, but the person may have been shut out.
    """
    goes = _goes(account)
    _shut_out([user], goes=goes)
    with transaction.atomic():
        _erase_all([user], goes=goes)


def erase_all(users: Collection[User], *, account: bool | None = None) -> None:
    """:func:`erase` for many, each in a transaction of their own: where it raises, those before are erased.

    It waits once, and looks once through what clients have published: that goes first, in one transaction for all.
    """
    goes = _goes(account)
    _shut_out(users, goes=goes)
    _erase_all(users, goes=goes)


def _goes(account: bool | None) -> bool:
    return is_own_model() if account is None else account


def _shut_out(users: Collection[User], *, goes: bool) -> None:
    """Before anything is looked for: whoever writes after this is refused."""
    if not users or not goes or field_named("is_active") is None:
        return
    for user in users:
        user.is_active = False
        user.save(update_fields=["is_active"])
    # Whoever has read that a person is active and has not yet stored what they write.
    if not wait_for_older():
        log.warning("erased_beside_a_long_transaction")


def _erase_all(users: Collection[User], *, goes: bool) -> None:
    if users and erased_texts() != "kept":
        with transaction.atomic():
            personal.erase_published_by(map(user_id, users), _ERASED if are_texts_removed() else None)
    for user in users:
        with transaction.atomic():
            # The engine's part is the first and goes last: what the others publish to the person goes with it.
            for part in reversed(list(parts())):
                part.erase(user)
            control.send(control.DisconnectUser(user=user_id(user), code=_CODE, reason=_REASON))
            if goes:
                user.delete()
        log.info("person_erased", account=goes)
