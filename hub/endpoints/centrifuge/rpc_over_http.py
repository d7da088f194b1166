"""RPC methods that only read, over HTTP GET as JSON: for pages before they have a connection, and for scripts."""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest, HttpResponse
from django.utils.cache import add_never_cache_headers, patch_vary_headers
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from hub.access import authorization, credentials
from hub.access.credentials import Invalid
from hub.endpoints.centrifuge import authentication
from hub.endpoints.centrifuge.rpc import RpcCall, RpcError
from hub.limits.connections import address_of_guest, guest_wait

P = TypeVar("P")


def answer(
    request: HttpRequest, method: Callable[[RpcCall, P], Any], params: Callable[..., P], **given: object
) -> HttpResponse:
    """Call ``method`` with parameters from the query string and ``given``; its answer, or why not, as JSON.

    The caller is who the access token in ``Authorization`` speaks for or, without one, who has the session. A token
    that is not valid is refused; it never makes a guest.

    Args:
        method: a plain function like those that are registered with :func:`hub.endpoints.centrifuge.rpc.rpc`.
        params: the struct of its parameters. Those in ``given`` cannot be set from the query string.
    """
    try:
        call = RpcCall(user_of(request), "", get_language() or "")
        _limit_guest(request, call.user)
        result = method(call, _params(request, params, given))
        response = _json(200, result)
    except RpcError as refusal:
        status = refusal.code if refusal.code < 600 else 400
        response = _json(status, {"error": {"code": refusal.code, "message": refusal.message}})
        if refusal.retry_after:
            response["Retry-After"] = str(refusal.retry_after)
    patch_vary_headers(response, ["Authorization", "Cookie"])
    add_never_cache_headers(response)
    return response


def user_of(request: HttpRequest) -> User | AnonymousUser:
    """Who calls, by access token or session.

    Raises:
        Refused: the token is not valid.
    """
    try:
        token = authorization.token_in(request.headers.get("Authorization"))
        return request.user if token is None else _owner_of(token)
    except authorization.NotValid as fault:
        credentials.log_refusal(str(fault), request.META.get("REMOTE_ADDR", ""))
        raise RpcError(401, _("This access token is not valid")) from None


def _limit_guest(request: HttpRequest, user: User | AnonymousUser) -> None:
    if user.pk is None and (wait := guest_wait(address_of_guest(request.META.get("REMOTE_ADDR", "")))):
        raise RpcError(429, _("Too many requests from your network. Try again in a moment."), retry_after=wait)


def _owner_of(token: str) -> User:
    digest = authentication.digest_of(token)
    if digest is None:
        raise authorization.NotValid("no access token")
    credential = credentials.of_token(digest)
    found = credentials.find([credential])[credential]
    if isinstance(found, Invalid):
        raise authorization.NotValid(f"access token {found}")
    return found


def _params(request: HttpRequest, params: Callable[..., P], given: dict[str, object]) -> P:
    try:
        # Texts become numbers where the parameters are numbers.
        return msgspec.convert({**request.GET.dict(), **given}, params, strict=False)  # type: ignore[no-any-return]  # it is of the type asked for
    except msgspec.ValidationError as error:
        raise RpcError(400, str(error)) from None


def _json(status: int, data: object) -> HttpResponse:
    return HttpResponse(msgspec.json.encode(data), content_type="application/json", status=status)
