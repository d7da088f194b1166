"""Packages that export names of their modules: a module is imported when one of its names is first asked for."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def exported(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """What a package calls ``__getattr__``: the modules below it import models, which must not happen before the apps
    are ready.

    Args:
        package: the name of the package.
        homes: for each name that it exports the module below it that has the name.
    """

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}", name=name)
        return getattr(import_module(f"{package}.{homes[name]}"), name)

    return get
