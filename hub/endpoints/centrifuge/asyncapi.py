"""The AsyncAPI document of the client protocol, generated from the message types."""

import inspect
from importlib import import_module
from types import ModuleType
from typing import Any

import msgspec
from django.apps import apps
from django.utils.module_loading import module_has_submodule

from hub import __version__
from hub.access.reasons import End, Error, Unsubscribed
from hub.endpoints.centrifuge import messages
from hub.live_rows import events as live_rows
from hub.session import client_info, client_messages, methods

_REF = "#/components/schemas/{name}"


def document() -> dict[str, Any]:
    """The document as JSON values. The same for the same code, but for the version."""
    types = [messages.Command, messages.Reply, messages.Pushed, client_info.ClientInfo]
    published = publication_types()
    offered, taken = _of_apps(methods.methods()), _of_apps(client_messages.receivers())
    called = [one.params for one in (*offered.values(), *taken.values())]
    answers = [one.answer or Any for one in offered.values()]
    refs, schemas = msgspec.json.schema_components([*answers, *types, *published, *called], ref_template=_REF)
    schemas["Publication"] = {
        "description": "One item of a channel. ``offset`` is missing where it is live only.",
        "type": "object",
        "properties": {
            "data": {"anyOf": [{"$ref": _REF.format(name=kind.__name__)} for kind in published] + [{}]},
            "offset": {"type": "integer"},
            "info": {"$ref": _REF.format(name="ClientInfo")},
        },
        "required": ["data"],
    }
    schemas["Push"]["properties"]["pub"] = {"$ref": _REF.format(name="Publication")}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Client connection",
            "version": __version__,
            "description": (
                "Messages are JSON objects, one in a line; a WebSocket message may hold several lines. "
                "An empty object from the hub is a ping, and the answer to it is one too. "
                "See docs/client-connection.md."
            ),
        },
        "defaultContentType": "application/json",
        "channels": {
            "hub": {
                "address": "/connection/websocket",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in ("command", "reply", "push")},
            }
        },
        "operations": {
            "receiveCommand": _operation("receive", "command"),
            "sendReply": _operation("send", "reply"),
            "sendPush": _operation("send", "push"),
        },
        "components": {
            "messages": {
                "command": {"payload": {"$ref": _REF.format(name="Command")}},
                "reply": {"payload": {"$ref": _REF.format(name="Reply")}},
                "push": {"payload": {"$ref": _REF.format(name="Pushed")}},
            },
            "schemas": dict(sorted(schemas.items())),
        },
        "x-rpc-methods": {
            name: {
                "description": inspect.getdoc(one.method) or "",
                "params": {"$ref": _REF.format(name=one.params.__name__)},
                "answer": answer,
            }
            for (name, one), answer in zip(offered.items(), refs[: len(answers)], strict=True)
        },
        "x-sends": {
            name: {
                "description": inspect.getdoc(one.method) or "",
                "data": {"$ref": _REF.format(name=one.params.__name__)},
            }
            for name, one in taken.items()
        },
        "x-error-codes": {str(int(error)): error.text for error in Error if error is not Error.UNAUTHORIZED},
        "x-close-codes": {str(code): word for code, word in sorted({end.on_client for end in End if end.client})},
        "x-unsubscribe-codes": {str(int(why)): why.text for why in Unsubscribed},
    }


def text() -> str:
    """:func:`document` as it is kept in ``docs/asyncapi.json``."""
    return msgspec.json.format(msgspec.json.encode(document()), indent=2).decode() + "\n"


def publication_types() -> list[type[msgspec.Struct]]:
    """What is published: the tagged structs of each app's ``events.py`` and of live rows, by tag."""
    modules = [
        import_module(f"{app.name}.events")
        for app in apps.get_app_configs()
        if app.module is not None and module_has_submodule(app.module, "events")
    ]
    found: dict[str, type[msgspec.Struct]] = {}
    for module in [*modules, live_rows]:
        for value in vars(module).values():
            if _is_type_of(module, value):
                # One that only adds to another is of the same type on the wire.
                found.setdefault(value.__struct_config__.tag, value)
    return [found[tag] for tag in sorted(found)]


def _is_type_of(module: ModuleType, value: Any) -> bool:
    if not inspect.isclass(value) or not issubclass(value, msgspec.Struct):
        return False
    return value.__module__ == module.__name__ and isinstance(value.__struct_config__.tag, str)


def _of_apps(registered: dict[str, methods.RegisteredMethod]) -> dict[str, methods.RegisteredMethod]:
    """Those in ``rpc.py`` of an app, and in modules beside it whose names end so."""
    packages = {app.name for app in apps.get_app_configs()}

    def is_of_app(module: str) -> bool:
        package, _dot, name = module.rpartition(".")
        return package in packages and (name == "rpc" or name.endswith("_rpc"))

    return {name: one for name, one in registered.items() if is_of_app(one.method.__module__)}


def _operation(action: str, message: str) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": "#/channels/hub"},
        "messages": [{"$ref": f"#/channels/hub/messages/{message}"}],
    }
