"""What somebody gets wrong who puts the hub into a product: ``manage.py check`` says it in the words of the page."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import pytest

from tests.docs.documents import table
from tests.support.product import HOW_TO, Product, installed

pytestmark = [
    pytest.mark.slow,
    pytest.mark.any_database,
    pytest.mark.timeout(600),  # the first test waits until the page was followed
    pytest.mark.xdist_group("mistakes"),
]


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with installed(tmp_path_factory, "mistakes") as product:
        yield product


class Mistake(NamedTuple):
    """What somebody gets wrong, and the ids of what the checks say to it."""

    said: list[str]
    settings: str = ""
    files: Mapping[str, str] = {}


ROUTER = """
from django.contrib.auth import get_user_model

class Archiving:
    def {0}(self, model, **hints):
        return "archive" if model._meta.app_label in {1} else "default"

DATABASES["archive"] = DATABASES["default"] | {{"NAME": "archive.sqlite3"}}
DATABASE_ROUTERS = [Archiving()]
"""

URLS = """
from django.conf.urls.i18n import i18n_patterns
from django.contrib.auth.views import LoginView
from django.urls import include, path

urlpatterns = [path("login/", LoginView.as_view(), name="login")]
"""

MISTAKES = {
    "misspelt": Mistake(["hub.W002"], "HUB_BASE_TEMPLAT = 'base.html'"),
    "alone": Mistake(["hub.W002"], "HUB_PORT = 8001"),
    "djangos": Mistake(["hub.W002"], "HUB_TIME_ZONE = 'UTC'"),
    "environment": Mistake(["hub.W001"], "os.environ['HUB_BASE_TEMPLATE'] = 'x'\ndel HUB_BASE_TEMPLATE"),
    "wrong": Mistake(["hub.E002"], "HUB_REQUESTS = 'many'"),
    "no_base": Mistake(["hub.E041"], "HUB_BASE_TEMPLATE = 'gone.html'"),
    "bare_base": Mistake(
        ["hub.E042"] * 2, "HUB_BASE_TEMPLATE = 'bare.html'", {"templates/bare.html": "<main></main>"}
    ),
    "no_redis": Mistake(["hub.E030"], "del HUB_REDIS_URL"),
    "other_redis": Mistake(["hub.E030"], "REDIS_URL = HUB_REDIS_URL\ndel HUB_REDIS_URL"),
    "no_layer": Mistake(["hub.E031"], "CHANNEL_LAYERS = {}"),
    "layer": Mistake(["hub.E032"], "CHANNEL_LAYERS = {'hub': {'BACKEND': 'hub.bus.redis_layer.Layer'}}"),
    "no_slash": Mistake(
        ["hub.E049"], "", {"shop/root.py": f"{URLS}urlpatterns += [path('hub', include('hub.urls'))]"}
    ),
    "scheduler": Mistake(["hub.E036"], "CELERY_BEAT_SCHEDULER = 'worker.beat.HubScheduler'"),
    "no_sessions": Mistake(["hub.W041"], "MIDDLEWARE = [name for name in MIDDLEWARE if 'sessions' not in name]"),
    "order": Mistake(["hub.E043"] * 2, "MIDDLEWARE.reverse()"),
    "login": Mistake(["hub.E044"], "LOGIN_URL = 'nowhere'"),
    "no_urls": Mistake(["hub.E045"], "", {"shop/root.py": URLS}),
    "languages": Mistake(
        ["hub.W042"], "", {"shop/root.py": f"{URLS}urlpatterns += i18n_patterns(path('hub/', include('hub.urls')))"}
    ),
    "sqlite": Mistake(["hub.W035", "hub.W036"], "DATABASES['default']['OPTIONS'] = {}"),
    "database": Mistake(["hub.E033"], "DATABASES['default'] = {'ENGINE': 'django.db.backends.dummy'}"),
    "elsewhere": Mistake(
        ["hub.E060", "hub.E061"], ROUTER.format("db_for_write", "('people', 'hub_chat', 'hub_notifications')")
    ),
    "replica": Mistake(["hub.W060"], ROUTER.format("db_for_read", "('hub_chat',)")),
    "not_imported": Mistake(["hub.W030"], "", {"shop/__init__.py": ""}),
    "no_broker": Mistake(["hub.W038"], "del CELERY_BROKER_URL"),
    "cookies": Mistake(["hub.W046"] * 2, "SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = '/app/orders/'"),
    "unscheduled": Mistake(
        ["hub.W031"],
        "from celery import Celery\napp = Celery('other', broker='memory://')\napp.autodiscover_tasks()\n"
        "HUB_CELERY_APP = 'shop.settings.mistake_unscheduled.app'",
    ),
    "no_modules": Mistake(
        ["hub.W056"],
        "from celery import Celery\nimport hub\napp = Celery('other', broker='memory://')\nhub.schedule(app)\n"
        "HUB_CELERY_APP = 'shop.settings.mistake_no_modules.app'",
    ),
    "broker": Mistake(["hub.W032"], "CELERY_TASK_PUBLISH_RETRY = True"),
    "visibility": Mistake(["hub.W033"], "CELERY_TASK_TIME_LIMIT = 7200"),
    "queues": Mistake(["hub.W039"], "HUB_DELIVERIES_QUEUE = 'deliveries'"),
    "acks": Mistake(["hub.W034"], "CELERY_TASK_ACKS_LATE = True"),
    "nobodys_jobs": Mistake(["hub.W048"], "MIDDLEWARE = [name for name in MIDDLEWARE if 'StartedBy' not in name]"),
    "processors": Mistake(["hub.W040"], "TEMPLATES[0]['OPTIONS']['context_processors'].pop(0)"),
    "address": Mistake(["hub.E002"], "HUB_REDIS_URL = 'localhost:6379'"),
    "no_zones": Mistake(["hub.E035"], "USE_TZ = False"),
    "no_worker": Mistake(["hub.E046"], "INSTALLED_APPS.remove('worker')"),
    "accounts": Mistake(["hub.E047"], "INSTALLED_APPS.append('hub.accounts')"),
    "no_files": Mistake(["hub.W043"], "INSTALLED_APPS.remove('django.contrib.staticfiles')"),
    "no_asgi": Mistake(["hub.E048"], "ASGI_APPLICATION = 'shop.asgi.app'"),
    "not_mounted": Mistake(
        ["hub.W044"],
        "ASGI_APPLICATION = 'shop.asgi.application'",
        {"shop/asgi.py": "from django.core.asgi import get_asgi_application\napplication = get_asgi_application()\n"},
    ),
    "taken_apart": Mistake(
        ["hub.W058"],
        "ASGI_APPLICATION = 'shop.outer.application'",
        {
            "shop/outer.py": "from channels.routing import ProtocolTypeRouter, URLRouter\n"
            "from shop.asgi import application as mounted\n"
            "application = ProtocolTypeRouter({'http': mounted, 'websocket': URLRouter([])})\n"
        },
    ),
    "foreign_layer": Mistake(
        ["hub.W059"],
        "CHANNEL_LAYERS = {'default': {'BACKEND': 'channels_redis.core.RedisChannelLayer'}}",
    ),
    "no_scripts": Mistake(
        ["hub.W057"],
        "HUB_BASE_TEMPLATE = 'unscripted.html'",
        {
            "templates/unscripted.html": "{% load hub %}{% block head %}{% endblock %}{% hub_bell %}"
            "{% block content %}{% endblock %}"
        },
    ),
    "memory": Mistake(
        ["hub.W037"], "CHANNEL_LAYERS = {'default': {'BACKEND': 'channels.layers.InMemoryChannelLayer'}}"
    ),
    "no_session_table": Mistake(["hub.E038"], "INSTALLED_APPS.remove('django.contrib.sessions')"),
    "namespace": Mistake(
        ["hub.E045"],
        "",
        {
            "shop/root.py": f"{URLS}urlpatterns += [path('app/', include('shop.inner'))]",
            "shop/inner.py": f"{URLS}app_name = 'shop'\nurlpatterns = [path('hub/', include('hub.urls'))]",
        },
    ),
    "hidden": Mistake(
        ["hub.E055"],
        "",
        {
            "shop/root.py": f"{URLS}from django.urls import re_path\n"
            "urlpatterns += [re_path('', LoginView.as_view()), path('hub/', include('hub.urls'))]"
        },
    ),
    "asgi_fails": Mistake(
        ["hub.W045"], "ASGI_APPLICATION = 'shop.asgi.application'", {"shop/asgi.py": "raise KeyError('GONE')\n"}
    ),
    "app_dirs": Mistake(["hub.E040"], "TEMPLATES[0]['APP_DIRS'] = False"),
}


def sentences_of_page() -> dict[str, list[str]]:
    """What the page quotes of each check, as patterns: "…" stands for anything."""
    found = defaultdict(list)
    for _, said in table(HOW_TO, "what", "what it says"):
        name, _, sentence = said.partition(" ")
        found[name.strip("`")].append(re.escape(sentence).replace("…", ".+"))
    return found


@pytest.mark.parametrize("mistake", MISTAKES)
def test_check_tells_the_mistake_in_the_words_of_the_page(product: Product, mistake: str) -> None:
    wanted, settings, files = MISTAKES[mistake]
    said = product.variant(f"mistake_{mistake}", settings, files).check()
    assert re.findall(r"\((hub\.\w+)\)", said) == wanted
    quoted = sentences_of_page()
    for name in wanted:
        assert any(re.search(rf"\({name}\) {sentence}", said) for sentence in quoted[name]), said


def test_page_lists_what_the_checks_say() -> None:
    assert set(sentences_of_page()) == {name for mistake in MISTAKES.values() for name in mistake.said}
