"""A project of a few lines with the hub inside, in which settings, URLs or applications can be got wrong.

It says nothing of DEFAULT_AUTO_FIELD, as old projects do. It runs with the code of the repository. Whoever wants the
package, a page that was followed, or a web process that answers takes :mod:`tests.support.product`.
"""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from lab.harness import forking
from lab.harness.environment import BASE_DIR, clean_environment

SETTINGS = """
from hub.config import BASE_DIR

SECRET_KEY = "a key of a project that nobody reaches"
ROOT_URLCONF = "small.urls"
ASGI_APPLICATION = "small.asgi.application"
USE_TZ = True
LOGIN_URL = "/login/"
STATIC_URL = "/static/"
INSTALLED_APPS = [
    "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "django.contrib.messages",
    "django.contrib.staticfiles", "hub", "notifications", "worker",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware", "django.contrib.auth.middleware.AuthenticationMiddleware",
]
TEMPLATES = [{
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "DIRS": [BASE_DIR / "templates"],  # in the package they are in the app
    "APP_DIRS": True,
    "OPTIONS": {"context_processors": [
        "django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
    ]},
}]
DATABASES = {"default": {
    "ENGINE": "django.db.backends.sqlite3", "NAME": "small.sqlite3",
    "OPTIONS": {"transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode=WAL"},
}}
HUB_REDIS_URL = "redis://127.0.0.1:6379/0"
CHANNEL_LAYERS = {"default": {"BACKEND": "hub.bus.redis_layer.HubChannelLayer", "CONFIG": {"hosts": [HUB_REDIS_URL]}}}
CELERY_BROKER_URL = HUB_REDIS_URL
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_connect_timeout": 0.8, "socket_timeout": 1.5, "max_retries": 0}
"""

FILES = {
    "manage.py": """
import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "small.settings")
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
""",
    "small/__init__.py": "from small.celery import app",
    "small/celery.py": """
import os
from celery import Celery
import hub
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "small.settings")
app = Celery("small")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
hub.schedule(app)
""",
    "small/urls.py": """
from django.urls import include, path
urlpatterns = [path("hub/", include("hub.urls"))]
""",
    "small/asgi.py": """
import os
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "small.settings")
from django.core.asgi import get_asgi_application
django_application = get_asgi_application()
import hub
application = hub.mount(django_application)
""",
}

#: What its module has whose application the hub is not in front of.
UNMOUNTED = FILES["small/asgi.py"].partition("import hub")[0] + "application = django_application\n"


class SmallProject:
    """The project in ``folder``, with these lines at the end of its settings and other texts of files."""

    def __init__(self, folder: Path, settings: str = "", files: Mapping[str, str] = {}) -> None:
        self.folder = folder
        for name, text in {**FILES, "small/settings.py": f"{SETTINGS}\n{settings}\n", **files}.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """How Python ends that runs ``command``, such as ``manage.py check``."""
        variables = clean_environment(PYTHONPATH=str(BASE_DIR), **environment)
        variables.pop("HUB_COOKIE_PREFIX")  # no project reads it
        return forking.run(
            [sys.executable, *command],
            cwd=self.folder,
            env=variables,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def check(self, *options: str) -> str:
        """What ``manage.py check`` says, whatever that is."""
        ended = self.run("manage.py", "check", *options)
        return ended.stdout + ended.stderr
