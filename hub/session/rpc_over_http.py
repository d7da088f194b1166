"""RPC methods that only read, over HTTP GET as JSON: for pages before they have a connection, and for scripts."""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from django.http import HttpRequest, HttpResponse
from django.utils.cache import add_never_cache_headers, patch_vary_headers
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from hub.access import authentication
from hub.access.authorization import NotValid
from hub.access.reasons import Error, Failed
from hub.access.signed_tokens import BadToken, KeysUnavailable, TokenExpired
from hub.config import hub_settings
from hub.limits.connections import address_of_guest, guest_wait
from hub.session.methods import RpcCall, RpcError
from hub.users import Visitor
from hub.validation.refused import Refused

P = TypeVar("P")

#: The HTTP status of errors of the client protocol.
_STATUS: dict[int, int] = {Error.TOKEN_EXPIRED: 401, Error.INTERNAL: 503}

#: Seconds after which a token may be judged whose key is not known now.
RETRY_AFTER = 5


def answer(
    request: HttpRequest, method: Callable[[RpcCall, P], Any], params: Callable[..., P], **given: object
) -> HttpResponse:
    """Call ``method`` with parameters from the query string and ``given``; its answer, or why not, as JSON.

    The caller is who the token in ``Authorization`` speaks for or, without one, who has the session. A token that is
    not valid is refused; it never makes a guest. One that is over is refused with the code 109, as on a client
    connection: the client gets a new one.

    Args:
        method: a plain function like those that are registered with :func:`hub.session.methods.rpc`.
        params: the struct of its parameters. Those in ``given`` cannot be set from the query string.
    """
    try:
        call = RpcCall(_user_of(request), "", get_language() or "")
        _limit_guest(request, call.user)
        result = method(call, _params(request, params, given))
        response = _json(200, result)
    except Refused as refusal:
        status = _STATUS.get(refusal.code, refusal.code if 400 <= refusal.code < 600 else 400)
        response = _json(status, {"error": {"code": refusal.code, "message": str(refusal)}})
        if refusal.retry_after:
            response["Retry-After"] = str(refusal.retry_after)
    patch_vary_headers(response, ["Authorization", "Cookie"])
    add_never_cache_headers(response)
    return response


def _user_of(request: HttpRequest) -> Visitor:
    try:
        user = authentication.by_request(request)
    except (NotValid, BadToken):
        raise RpcError(401, _("This token is not valid")) from None
    except TokenExpired:
        raise Failed(Error.TOKEN_EXPIRED) from None
    except KeysUnavailable:
        raise Failed(Error.INTERNAL, RETRY_AFTER) from None
    if user.pk is None and not hub_settings().guests:
        raise RpcError(401, _("Log in first"))
    return user


def _limit_guest(request: HttpRequest, user: Visitor) -> None:
    if user.pk is None and (wait := guest_wait(address_of_guest(request.META.get("REMOTE_ADDR", "")))):
        raise RpcError(429, _("Too many requests from your network. Try again in a moment."), retry_after=wait)


def _params(request: HttpRequest, params: Callable[..., P], given: dict[str, object]) -> P:
    try:
        # Texts become numbers where the parameters are numbers.
        return msgspec.convert({**request.GET.dict(), **given}, params, strict=False)  # type: ignore[no-any-return]  # it is of the type asked for
    except msgspec.ValidationError as error:
        raise RpcError(400, str(error)) from None


def _json(status: int, data: object) -> HttpResponse:
    return HttpResponse(msgspec.json.encode(data), content_type="application/json", status=status)
