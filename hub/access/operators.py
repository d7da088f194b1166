"""Decides who is an operator, and may read ``/metrics`` and the details of ``/health/ready``."""

import hmac
import ipaddress
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from django.http import HttpRequest

from hub.access.authorization import address_of
from hub.config import hub_settings

#: Headers by which a proxy says for whom it asks, other than ``X-Forwarded-For``. What it says there is not read.
_OTHER_FORWARDING = ("HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_VIA")


def is_operator(request: HttpRequest) -> bool:
    """Whether ``request`` has ``HUB_OPERATOR_TOKEN`` as its bearer token, or comes from ``HUB_OPERATOR_ADDRESSES``.

    Behind a proxy every address of ``X-Forwarded-For`` has to be one of them, so that nobody gets in because the
    proxy is near, and nothing is gained by making addresses up.
    """
    return _is_operators(request.META)


def is_operators(scope: Mapping[str, Any]) -> bool:
    """:func:`is_operator` of an ASGI request that has not reached Django yet."""
    meta = {"REMOTE_ADDR": address_of(scope)}
    for name, value in scope["headers"]:
        key = f"HTTP_{name.decode('latin-1').upper().replace('-', '_')}"
        text = value.decode("latin-1")
        meta[key] = f"{meta[key]},{text}" if key in meta else text
    return _is_operators(meta)


def _is_operators(meta: Mapping[str, str]) -> bool:
    return _has_token(meta) or _is_near(meta)


def _has_token(meta: Mapping[str, str]) -> bool:
    token = hub_settings().operator_token
    scheme, _, given = meta.get("HTTP_AUTHORIZATION", "").partition(" ")
    is_same = hmac.compare_digest(given.strip().encode(), token.encode())
    return bool(token) and scheme.lower() == "bearer" and is_same


def _is_near(meta: Mapping[str, str]) -> bool:
    networks = _networks(tuple(hub_settings().operator_addresses))
    forwarded = meta.get("HTTP_X_FORWARDED_FOR")
    if forwarded is None and any(name in meta for name in _OTHER_FORWARDING):
        return False
    addresses = [meta.get("REMOTE_ADDR") or "", *(forwarded.split(",") if forwarded is not None else ())]
    return all(_is_in(address.strip(), networks) for address in addresses)


_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@lru_cache(maxsize=8)
def _networks(names: tuple[str, ...]) -> tuple[_Network, ...]:
    return tuple(ipaddress.ip_network(name, strict=False) for name in names)


def _is_in(text: str, networks: tuple[_Network, ...]) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return any(address in network for network in networks)
