"""Which audiences there are, over HTTP: how many people belong to each, and whether one person does."""

from typing import Annotated

import msgspec
from msgspec import Meta

from hub.api import DETAIL_LIMIT, ApiCall, Method, all_of, person_named, register
from hub.database import in_database_thread
from hub.users import User
from notifications import channels
from notifications.sending.named_audiences import MEMBERS, Audience, BadAudience, declared

_SIZES = Meta(description="Count the people of each; that may take long where they are many.")
_USER = Meta(description="Say of each audience whether this person belongs to it.")


class AudiencesRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Read which audiences there are."""

    user: Annotated[str, _USER] = ""
    sizes: Annotated[bool, _SIZES] = False


class ApiAudience(msgspec.Struct, kw_only=True):
    """An audience. ``name``: as `notify` takes it in ``to``; ``people`` and ``belongs`` where that was asked for.

    ``mistake``: what is wrong with how it is declared; it cannot be sent to.
    """

    name: str
    people: int | None
    belongs: bool | None
    mistake: str


class AudiencesResult(msgspec.Struct):
    """Everybody with an account, then those of the apps, by name."""

    audiences: list[ApiAudience]


async def read(call: ApiCall[AudiencesRequest]) -> AudiencesResult:
    """For keys that may name all people."""
    all_of(call, channels.USER)
    return await in_database_thread(_read, call)


def _read(call: ApiCall[AudiencesRequest]) -> AudiencesResult:
    person = person_named(call, call.request.user) if call.request.user else None
    return AudiencesResult([_described(one, person, sizes=call.request.sizes) for one in (MEMBERS, *declared())])


def _described(one: Audience, person: User | None, *, sizes: bool) -> ApiAudience:
    try:
        people = one.people()
    except BadAudience as error:
        return ApiAudience(name=one.label, people=None, belongs=None, mistake=str(error)[:DETAIL_LIMIT])
    return ApiAudience(
        name=one.label,
        people=people.values("pk").distinct().count() if sizes else None,
        belongs=None if person is None else people.filter(pk=person.pk).exists(),
        mistake="",
    )


register(
    Method(
        "audiences",
        AudiencesRequest,
        AudiencesResult,
        read,
        "Read which audiences there are.",
        {"sizes": True, "user": "42"},
        also=("GET", "audiences"),
    )
)
