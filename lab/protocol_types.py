"""TypeScript types of what the client connection carries, from its AsyncAPI document.

``python -m lab.protocol_types`` writes ``static/hub/js/hub/protocol.d.ts``, which hub.js and its npm package use; a
test compares. Methods have the types of their parameters and of their answers.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lab.harness.environment import BASE_DIR

DOCUMENT = BASE_DIR / "docs" / "asyncapi.json"
TYPES = BASE_DIR / "static" / "hub" / "js" / "hub" / "protocol.d.ts"

_HEAD = """\
// The messages of the client connection. Written by `python -m lab.protocol_types` from docs/asyncapi.json.
"""

_CALLS = """\
/** What a method takes; any object where an app of the product has it. */
export type Params<M extends string> = M extends keyof Methods ? Methods[M]["params"] : object;

/** What a method answers. */
// biome-ignore lint/suspicious/noExplicitAny: of methods that an app of the product has nothing is known
export type Answer<M extends string> = M extends keyof Methods ? Methods[M]["answer"] : any;
"""

_PLAIN = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}


def text(document: dict[str, Any]) -> str:
    """The module of types for this document."""
    return "\n".join([_HEAD, *_parts(document)])


def _parts(document: dict[str, Any]) -> Iterator[str]:
    schemas = document["components"]["schemas"]
    for name, schema in schemas.items():
        yield _interface(name, schema)
    tags = {schema["properties"]["type"]["enum"][0]: name for name, schema in _tagged(document)}
    yield _map("Publications", "What is published, by its type.", tags)
    methods = {
        name: f"{{ params: {_type(one['params'])}; answer: {_type(one['answer'])} }}"
        for name, one in document["x-rpc-methods"].items()
    }
    yield _map("Methods", "The methods that a client may call.", methods)
    yield _CALLS
    sends = {name: _type(one["data"]) for name, one in document["x-sends"].items()}
    yield _map("Sends", "What a client may send without an answer.", sends)


def _tagged(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    schemas = document["components"]["schemas"]
    for one in schemas["Publication"]["properties"]["data"]["anyOf"]:
        if "$ref" in one:
            name = _name(one)
            yield name, schemas[name]


def _interface(name: str, schema: dict[str, Any]) -> str:
    required = set(schema.get("required", ()))
    lines = [
        f"  {_key(key)}{'' if key in required else '?'}: {_type(of)};"
        for key, of in schema.get("properties", {}).items()
    ]
    return _declared(name, schema.get("description", ""), lines)


def _map(name: str, says: str, types: dict[str, str]) -> str:
    lines = [f"  {_key(key)}: {value};" for key, value in sorted(types.items())]
    return _declared(name, says, lines)


def _declared(name: str, says: str, lines: list[str]) -> str:
    if not lines:
        return f"{_comment(says)}export type {name} = Record<string, never>;\n"
    return _comment(says) + "\n".join([f"export interface {name} {{", *lines, "}\n"])


def _comment(description: str) -> str:
    said = " ".join(description.replace("``", "`").split()).replace("*/", "* /")
    return f"/** {said} */\n" if said else ""


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return _name(schema)
    if "enum" in schema:
        return " | ".join(json.dumps(one) for one in schema["enum"])
    if "anyOf" in schema:
        kinds = dict.fromkeys(map(_type, schema["anyOf"]))
        return "unknown" if "unknown" in kinds else " | ".join(kinds)
    match schema.get("type"):
        case "array":
            items = _type(schema["items"]) if "items" in schema else "unknown"
            return f"({items})[]" if "|" in items else f"{items}[]"
        case "object":
            values = schema.get("additionalProperties")
            return f"Record<string, {_type(values) if isinstance(values, dict) else 'unknown'}>"
        case str() as plain:
            return _PLAIN[plain]
        case list() as several:
            return " | ".join(_PLAIN[one] for one in several)
    return "unknown"


def _name(schema: dict[str, Any]) -> str:
    return str(schema["$ref"]).rpartition("/")[2]


def _key(name: str) -> str:
    return name if name.isidentifier() else json.dumps(name)


def main() -> None:
    """Write the types."""
    Path(TYPES).write_text(text(json.loads(DOCUMENT.read_text())))


if __name__ == "__main__":
    main()
