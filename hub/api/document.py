"""The OpenAPI document of the HTTP API, made from the message types."""

from collections.abc import Sequence
from typing import Any

import msgspec
from django.apps import apps
from django.utils import translation

from hub import __version__
from hub.api.answering import BATCH
from hub.api.calling import BatchReply, BatchRequest
from hub.api.errors import ErrorBody
from hub.api.method import Method, StreamOperation, event_streams, method_named

_REF = "#/components/schemas/{name}"
_KEY = "ApiKey"


def document(declared: Sequence[Method[Any]], prefix: str) -> dict[str, Any]:
    """What OpenAPI 3.1 wants to know of the methods ``declared`` and of ``batch``, below the path ``prefix``."""
    example = {"commands": [{method.name: method.example} for method in declared[:2]]}
    paths: dict[str, dict[str, Any]] = {method.name: {"post": _of_method(method)} for method in declared}
    paths[BATCH] = {"post": _of_batch(example)}
    schemas = _schemas(declared)
    for method in declared:
        if method.also:
            verb, name = method.also
            paths.setdefault(name, {})[verb.lower()] = (
                _of_method(method) if verb != "GET" else _of_query(method, schemas)
            )
            paths[name][verb.lower()]["operationId"] = f"{verb.lower()}_{name}"
    paths |= {stream.path: {"get": _of_stream(stream)} for stream in event_streams()}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Notification hub",
            "version": __version__,
            "description": "Publish and ask from a backend: each call is a POST, with a key in the header "
            "`X-API-Key`, or `Authorization: apikey …`.",
        },
        "paths": {f"{prefix}{name}": operations for name, operations in paths.items()},
        "components": {
            "schemas": schemas,
            "securitySchemes": {_KEY: {"type": "apiKey", "in": "header", "name": "X-API-Key"}},
        },
    }


def _schemas(declared: Sequence[Method[Any]]) -> dict[str, Any]:
    types = [kind for method in declared for kind in (method.request, method.result)]
    _, components = msgspec.json.schema_components([*types, BatchRequest, BatchReply, ErrorBody], ref_template=_REF)
    return components


def _of_method(method: Method[Any]) -> dict[str, Any]:
    result = {"type": "object", "properties": {"result": _ref(method.result)}, "required": ["result"]}
    return {
        **_operation(method.name, method.summary, _ref(method.request), result, method.example),
        "tags": [_group(method)],
    }


def _of_query(method: Method[Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """The same with the request in the query string."""
    fields = schemas[method.request.__name__]["properties"]
    operation = _of_method(method)
    del operation["requestBody"]
    operation["parameters"] = [{"name": name, "in": "query", "schema": schema} for name, schema in fields.items()]
    return operation


def _of_stream(stream: StreamOperation) -> dict[str, Any]:
    error = {"content": {"application/problem+json": {"schema": {"type": "object"}}}}
    return {
        "operationId": stream.name,
        "tags": [_group(needed)] if (needed := method_named(stream.needs)) else [],
        "summary": stream.summary,
        "security": [{_KEY: []}],
        "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
        "responses": {
            "200": {
                "description": "A stream that stays open. It ends with the event `end`.",
                "content": {"text/event-stream": {"schema": {"type": "string"}}},
            },
            "400": {"description": "There is nothing of this id.", **error},
            "401": {"description": "There is no such key, or it was revoked.", **error},
            "403": {"description": f"The key is not for the method `{stream.needs}`, or not for the person.", **error},
            "429": {"description": "The key has too many streams.", **error},
            "503": {"description": "The database does not answer.", **error},
        },
    }


def _of_batch(example: Any) -> dict[str, Any]:
    summary = "Several calls in one request, carried out one after the other."
    return {**_operation(BATCH, summary, _ref(BatchRequest), _ref(BatchReply), example), "tags": [_app_of(__name__)]}


def _operation(
    name: str, summary: str, request: dict[str, Any], result: dict[str, Any], example: Any
) -> dict[str, Any]:
    error = {"type": "object", "properties": {"error": _ref(ErrorBody)}, "required": ["error"]}
    return {
        "operationId": name,
        "summary": summary,
        "security": [{_KEY: []}],
        "requestBody": {"required": True, **_content(request, example=example)},
        "responses": {
            "200": {
                "description": "What was asked for, or why not.",
                **_content({"oneOf": [result, error]}),
            },
            "401": {"description": "There is no such key, or it was revoked.", **_content(error)},
            "503": {
                "description": "The database does not answer. Nothing was done, unless the error says otherwise.",
                **_content(error),
            },
        },
    }


def _group(method: Method[Any]) -> str:
    """Under which heading the page shows a method: what the app is called that has it."""
    return _app_of(method.run.__module__)


def _app_of(module: str) -> str:
    app = apps.get_containing_app_config(module)
    with translation.override("en"):
        return str(app.verbose_name) if app is not None else module.partition(".")[0]


def _ref(kind: type) -> dict[str, str]:
    return {"$ref": _REF.format(name=kind.__name__)}


def _content(schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema, **more}}}
