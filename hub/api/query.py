"""A request in the query string, as ``GET`` has it, as the JSON that the method reads."""

from typing import get_origin, get_type_hints

import msgspec
from django.http import QueryDict

from hub.api.method import method_named


def query_as_body(name: str, query: QueryDict) -> bytes:
    """The JSON of a call of the method ``name``: a field that is a list may be given several times.

    What cannot be read as the field's type stays text, and so does a field that the method does not know, for the
    method to refuse.
    """
    method = method_named(name)
    hints = get_type_hints(method.request) if method else {}
    given = {
        field: query.getlist(field) if get_origin(hint) is list else query[field]
        for field, hint in hints.items()
        if field in query
    }
    unknown = {field: query[field] for field in query if field not in hints}
    try:
        read = {field: msgspec.convert(value, hints[field], strict=False) for field, value in given.items()}
    except msgspec.ValidationError:
        read = given
    return msgspec.json.encode(unknown | read)
