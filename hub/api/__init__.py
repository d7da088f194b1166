"""The HTTP API for backends: ``POST /api/<method>`` with a key in the header ``X-API-Key``.

Requests and replies have the shape that the server libraries of the Centrifuge protocol use. An app has methods in its
``api.py``: it registers a :class:`Method`, which answers an :class:`ApiCall` or raises an :class:`ApiError`.
"""

from hub.api.calling import on_refused
from hub.api.errors import DETAIL_LIMIT, ApiError, Code
from hub.api.method import ApiCall, Method, register
from hub.api.naming import (
    PageOfPeople,
    PageSize,
    PageWanted,
    PeopleChanged,
    Users,
    all_of,
    page_of_people,
    people_named,
    person_named,
)

__all__ = [
    "DETAIL_LIMIT",
    "ApiCall",
    "ApiError",
    "Code",
    "Method",
    "PageOfPeople",
    "PageSize",
    "PageWanted",
    "PeopleChanged",
    "Users",
    "all_of",
    "on_refused",
    "page_of_people",
    "people_named",
    "person_named",
    "register",
]
