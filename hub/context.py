"""What every page knows about the hub."""

from django.http import HttpRequest

from hub.conf import hub_settings


def hub(request: HttpRequest) -> dict[str, object]:
    """Template variables of the base layout: ``signup_open``, whether people may make accounts of their own."""
    return {"signup_open": hub_settings().signup}
