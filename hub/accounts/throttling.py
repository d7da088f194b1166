"""How often a password may be tried, an account be made, a mail be asked for.

Guessing is slowed down in three ways, because each alone is easy to go round or to turn against somebody: one account
from one address, in a short window; one address, whatever accounts it tries; one account, whatever addresses try it.
The third one would let anybody lock a person out, so it does not hold at addresses where that person is logged in.
The first one locks the person out, at that address only, for some minutes at most.
"""

import contextlib
from collections.abc import Callable
from typing import TypeVar

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hub import limits
from hub.accounts.models import Session
from hub.limits import TooMany, counted_host
from hub.logs import get_logger
from hub.users import Key, all_users, log_in_field, searched_by

log = get_logger(__name__)

T = TypeVar("T")

_OFTEN = _("There were too many attempts to log in.")

#: One account from one address; all attempts count, until one succeeds.
PAIR = limits.declare("login", setting="limit_login", sentence=_OFTEN)

#: One address, and one account: attempts that failed.
ADDRESS = limits.declare("login_address", setting="limit_login_address", sentence=_OFTEN)
ACCOUNT = limits.declare("login_account", setting="limit_login_account", sentence=_OFTEN)

SIGN_UP = limits.declare(
    "signup", setting="limit_signup", sentence=_("Too many accounts were made from your address.")
)

_MAILS = _("There were too many requests for a new password.")
RESET = limits.declare("reset", setting="limit_reset", sentence=_MAILS)
#: Counted whether or not somebody has that mail address, so that the answer does not tell.
RESET_MAIL = limits.declare("reset_mail", setting="limit_reset_mail", sentence=_MAILS)

#: Each change mails to the address before, which may be a stranger's.
MAIL_ADDRESSES = limits.declare(
    "mail_addresses",
    setting="limit_mail_addresses",
    sentence=_("You have changed your mail address many times today."),
)

TOKENS = limits.declare("tokens", setting="limit_tokens", sentence=_("You have made many tokens today."))

#: Addresses of one person that are compared with that of an attempt.
KNOWN_ADDRESSES = 100


def tried(request: HttpRequest, name: str, check: Callable[[], T | None]) -> T | None:
    """What ``check`` finds, which looks at the password of the account ``name``; None where the password is wrong.

    Raises:
        TooMany: that was tried too often; nothing was looked at.
    """
    counted = counted_host(request.META.get("REMOTE_ADDR", ""))
    try:
        # Counted before the password is looked at: of a hundred attempts that come at once, no more are looked at.
        limits.take(PAIR, name, counted or "")
        if counted is not None:
            limits.look(ADDRESS, counted)
            if not _is_known(name, counted):
                limits.look(ACCOUNT, name)
    except TooMany as refusal:
        log.warning("log_in_throttled", limit=refusal.limit.name, user=id_of(name))
        raise
    found = check()
    if found is not None:
        limits.forget(PAIR, name, counted or "")
    elif counted is not None:
        with contextlib.suppress(TooMany):  # the next attempt is told
            limits.take(ADDRESS, counted)
            limits.take(ACCOUNT, name)
    return found


def forget(request: HttpRequest, name: str) -> None:
    """Let the owner of the account ``name`` in again: they have shown that they read its mail."""
    limits.forget(PAIR, name, counted_host(request.META.get("REMOTE_ADDR", "")) or "")
    limits.forget(ACCOUNT, name)


def by_address(limit: limits.Limit, request: HttpRequest) -> None:
    """Count one for the client's address, where it has one that is counted. Raises ``TooMany``."""
    counted = counted_host(request.META.get("REMOTE_ADDR", ""))
    if counted is not None:
        limits.take(limit, counted)


def id_of(name: str) -> Key:
    """The key of the account, for the log: what was typed as its name may have been a password. None without one."""
    if "\0" in name:
        return None
    return all_users().filter(**{log_in_field(): name}).values_list("pk", flat=True).first()


def _is_known(name: str, counted: str) -> bool:
    """Whether this person is logged in at that address."""
    addresses = (
        Session.objects.filter(**{searched_by("user"): name}, expire_date__gt=timezone.now())
        .values_list("address", flat=True)
        .distinct()[:KNOWN_ADDRESSES]
    )
    return "\0" not in name and any(counted_host(address) == counted for address in addresses if address)
