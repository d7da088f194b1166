"""What every page knows about the hub."""

import sys
from pathlib import Path

from django.http import HttpRequest

from hub.config import BASE_DIR, hub_settings

#: How ``manage.py`` is called in the hub's folder by somebody who has entered no environment; a container has its own
#: on the path.
_PYTHON = ".venv/bin/python" if Path(sys.prefix).resolve() == (BASE_DIR / ".venv").resolve() else "python"
MANAGE = f"{_PYTHON} manage.py"


def hub(request: HttpRequest) -> dict[str, object]:
    """Template variables of the base layout: ``signup_open``, whether people may make accounts of their own;
    ``manage``, how commands are called.
    """
    return {"signup_open": hub_settings().signup, "manage": MANAGE}
