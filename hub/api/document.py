"""The OpenAPI document of the HTTP API, made from the message types."""

from collections.abc import Sequence
from typing import Any

import msgspec
from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema

from hub.api.calling import BatchReply, BatchRequest
from hub.api.errors import Error
from hub.api.method import Method

_REF = "#/components/schemas/{name}"
_KEY = "ApiKey"


class DocumentedAPI(NinjaAPI):
    """ninja's API, whose document also has the messages of the methods ``declared``."""

    declared: Sequence[Method[Any]]

    def get_openapi_schema(self, **kwargs: Any) -> OpenAPISchema:
        document = super().get_openapi_schema(**kwargs)
        document["components"] = {
            "schemas": schemas(self.declared),
            "securitySchemes": {_KEY: {"type": "apiKey", "in": "header", "name": "X-API-Key"}},
        }
        return document


def schemas(declared: Sequence[Method[Any]]) -> dict[str, Any]:
    """The JSON schemas of all messages, by name."""
    types = [kind for method in declared for kind in (method.request, method.result)]
    _, components = msgspec.json.schema_components([*types, BatchRequest, BatchReply, Error], ref_template=_REF)
    return components


def of_method(method: Method[Any]) -> dict[str, Any]:
    """What ninja cannot know of the operation of a method."""
    result = {"type": "object", "properties": {"result": _ref(method.result)}, "required": ["result"]}
    return _operation(_ref(method.request), result, method.example)


def of_batch(example: Any) -> dict[str, Any]:
    """What ninja cannot know of ``batch``."""
    return _operation(_ref(BatchRequest), _ref(BatchReply), example)


def _operation(request: dict[str, Any], result: dict[str, Any], example: Any) -> dict[str, Any]:
    error = {"type": "object", "properties": {"error": _ref(Error)}, "required": ["error"]}
    return {
        "security": [{_KEY: []}],
        "requestBody": {"required": True, **_content(request, example=example)},
        "responses": {
            200: {
                "description": "What was asked for, or why not.",
                **_content({"oneOf": [result, error]}),
            },
            401: {"description": "There is no such key, or it was revoked.", **_content(error)},
            503: {"description": "The database does not answer. Nothing was done.", **_content(error)},
        },
    }


def _ref(kind: type) -> dict[str, str]:
    return {"$ref": _REF.format(name=kind.__name__)}


def _content(schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema, **more}}}
