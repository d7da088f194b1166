"""Erasing a person."""

from django.db import transaction

from hub.access import control
from hub.database.older_transactions import wait_for_older
from hub.logs import get_logger
from hub.privacy.parts import parts
from hub.users import User, field_named, is_own_model, user_id

log = get_logger(__name__)

#: How the connections of the person end: clients do not come back by themselves.
_CODE, _REASON = 3503, "force disconnect"


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
    goes = is_own_model() if account is None else account
    known = user_id(user)
    if goes and field_named("is_active") is not None:
        # Before anything is looked for: whoever writes after this is refused.
        user.is_active = False
        user.save(update_fields=["is_active"])
        # Whoever has read that the person is active and has not yet stored what they write.
        if not wait_for_older():
            log.warning("erased_beside_a_long_transaction")
    with transaction.atomic():
        # The engine's part is the first and goes last: what the others publish to the person goes with it.
        for part in reversed(list(parts())):
            part.erase(user)
        control.send(control.DisconnectUser(user=known, code=_CODE, reason=_REASON))
        if goes:
            user.delete()
    log.info("person_erased", account=goes)
