"""What ``manage.py check`` says about settings that can only be judged when all apps are known."""

from collections.abc import Sequence
from typing import Any

from django.core import checks

from hub.channels import namespaces
from hub.conf import hub_settings


@checks.register
def retention_names_namespaces(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """``HUB_RETENTION`` names only namespaces that some app has registered."""
    known = {namespace.name for namespace in namespaces() if namespace.durable}
    return [
        checks.Error(
            f"HUB_RETENTION names {name!r}, and no app has registered a durable namespace of that name.",
            hint=f"There are {', '.join(sorted(known))}.",
            id="hub.E001",
        )
        for name in hub_settings().retention
        if name not in known
    ]
