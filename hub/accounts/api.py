"""``POST /api/log_in_link``: a link that logs a person in to the hub's own pages, once."""

from typing import Annotated

import msgspec
from django.utils.http import urlencode
from msgspec import Meta

from hub.accounts import links
from hub.api import ApiCall, ApiError, Code, Method, register
from hub.database import in_database_thread
from hub.users import users_by_id
from hub.web import page_url


class LogInLinkRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A link that logs a person in to the hub's own pages, once."""

    user: Annotated[str, Meta(description="The person's id. Nobody of the staff: a link makes no administrator.")]
    page: Annotated[str, Meta(description="Where it leads: a path of the hub, such as `/notifications/`.")] = ""
    seconds: Annotated[
        int,
        Meta(
            ge=links.SHORTEST, le=links.LONGEST, description="How long it is good; it is made for somebody who waits."
        ),
    ] = links.USUAL


class LogInLinkResult(msgspec.Struct):
    """The path and query of the link, to be put behind the address of the hub. It is secret until it is used."""

    path: str


async def log_in_link(call: ApiCall[LogInLinkRequest]) -> LogInLinkResult:
    """Make a link for a person whom the key may name."""
    request = call.request
    if not request.user:
        raise ApiError(Code.BAD_REQUEST, "user is missing")
    call.user(request.user)
    address = page_url("hub:accounts:link")
    if not address:
        raise ApiError(Code.NOT_AVAILABLE, "the pages of accounts are left out here (HUB_PAGES), so no link leads in")
    if request.page and not links.is_page(request.page):
        raise ApiError(
            Code.BAD_REQUEST, f"page is no path of the hub, such as /chat/, of at most {links.PAGE_LIMIT} characters"
        )
    token = await in_database_thread(_issue, request)
    return LogInLinkResult(f"{address}?{urlencode({'token': token})}")


def _issue(request: LogInLinkRequest) -> str:
    user = users_by_id([request.user]).get(request.user)
    if user is None:
        raise ApiError(Code.BAD_REQUEST, "there is no user with this id")
    try:
        return links.issue(user, page=request.page, seconds=request.seconds)
    except links.NotForLinks:
        raise ApiError(
            Code.PERMISSION_DENIED, "no link is for the staff, or for an account that is not active"
        ) from None


register(
    Method(
        "log_in_link",
        LogInLinkRequest,
        LogInLinkResult,
        log_in_link,
        "Make a link that logs a person in to the hub's own pages, once.",
        {"user": "42", "page": "/notifications/"},
    )
)
