"""What the accounts app holds of a person, for :mod:`hub.privacy`."""

from typing import Any

from hub.accounts import sessions, tokens
from hub.accounts.models import AccessToken, LogInLink, Session
from hub.privacy import PersonalData, register
from hub.users import User


def _export(user: User) -> dict[str, Any]:
    begun = Session.objects.filter(user=user).order_by("began_at").values_list("began_at", "address", "user_agent")
    issued = AccessToken.objects.filter(user=user).order_by("pk").values_list("created_at", "name")
    links = LogInLink.objects.filter(user=user).order_by("pk").values_list("page", "expires_at")
    return {
        "sessions": [
            {"at": at.isoformat() if at else None, "address": address, "user_agent": agent}
            for at, address, agent in begun
        ],
        "tokens": [{"at": at.isoformat(), "name": name} for at, name in issued],
        "links": [{"page": page, "until": until.isoformat()} for page, until in links],
    }


def _erase(user: User) -> None:
    sessions.end(user)
    Session.objects.filter(user=user).delete()
    rows = AccessToken.objects.filter(user=user)
    tokens.revoke(rows)
    rows.delete()
    LogInLink.objects.filter(user=user).delete()


register(PersonalData("log_in", _export, _erase))
