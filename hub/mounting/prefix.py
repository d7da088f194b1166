"""The hub below a prefix of its host, such as ``/hub`` (``HUB_URL_PREFIX``), whether the proxy takes it off or not."""

from typing import Any

from django.urls import set_script_prefix

from hub.endpoints.cors import Application


def mounted(application: Application, prefix: str) -> Application:
    """``application``, which finds in each scope the path with ``prefix``, and that as ``root_path``.

    A path without it gets it: some proxies take it off, and health checks ask a process directly. Addresses that are
    made for the one who asks begin with it.
    """
    if not prefix:
        return application
    raw_prefix = prefix.encode()

    async def below(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if "path" in scope:
            path, raw_path = scope["path"], scope.get("raw_path")
            if path != prefix and not path.startswith(f"{prefix}/"):
                scope["path"] = prefix + path
                scope["raw_path"] = raw_prefix + raw_path if raw_path is not None else None
            elif path == prefix:
                scope["path"] = f"{prefix}/"
            scope["root_path"] = prefix
            set_script_prefix(f"{prefix}/")
        await application(scope, receive, send)

    return below
