"""What ``manage.py check`` says about what the hub's pages need of a project: templates, middleware, a log-in page."""

from collections.abc import Iterator, Sequence
from typing import Any

from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.conf.urls.i18n import is_language_prefix_patterns_used
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.asgi import ASGIHandler
from django.shortcuts import resolve_url
from django.template import TemplateDoesNotExist, TemplateSyntaxError, engines
from django.template.backends.django import DjangoTemplates
from django.template.loader import get_template
from django.urls import NoReverseMatch
from django.utils.module_loading import import_string
from django.utils.translation import override

from hub.config import hub_settings, is_own_project
from hub.web import base_template, inclusion, mounts
from hub.web.addresses import page_url
from hub.web.middleware import place

#: Imported when they are asked for: Django's needs the user model.
_SESSIONS = "django.contrib.sessions.middleware.SessionMiddleware"
_PEOPLE = "django.contrib.auth.middleware.AuthenticationMiddleware"
_LANGUAGE = "django.middleware.locale.LocaleMiddleware"
_ERRORS = "hub.web.plain_errors.PlainErrors"

#: What the pages and the widgets ask a template for, by the last part of its path.
_PROCESSORS = {
    "django.template.context_processors.request": "widgets do not know whose page it is",
    "django.contrib.auth.context_processors.auth": "pages take everybody for a guest",
}

#: What the hub does not learn without a cookie, by the setting that has its path.
_COOKIES = {
    "SESSION_COOKIE_PATH": "everybody is a guest there",
    "CSRF_COOKIE_PATH": "forms of its pages are answered with 403",
}


#: Where middlewares of Channels have what they stand before.
_INSIDE = ("inner", "application")


@checks.register
def templates_are_found(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Django finds the hub's templates, and these find who asks."""
    try:
        get_template("hub/base.html")
    except TemplateDoesNotExist:
        return [
            checks.Error(
                "The hub's templates are not found.",
                hint='Set "APP_DIRS": True in TEMPLATES, or add the loader of app directories.',
                id="hub.E040",
            )
        ]
    return list(_missing_processors())


def _missing_processors() -> Iterator[checks.CheckMessage]:
    there_are = {
        path
        for engine in engines.all()
        if isinstance(engine, DjangoTemplates)
        for path in engine.engine.context_processors
    }
    for path, what in _PROCESSORS.items():
        if path not in there_are:
            yield checks.Warning(
                f"TEMPLATES has no context processor {path}: {what}.",
                hint="Add it to context_processors in the OPTIONS of TEMPLATES.",
                id="hub.W040",
            )


@checks.register
def base_template_takes_pages(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """``HUB_BASE_TEMPLATE`` is a template with the blocks that pages fill."""
    name = hub_settings().base_template
    if not name:
        return []
    try:
        missing = base_template.missing_blocks(name)
        is_without_scripts = base_template.is_without_scripts(name)
    except TemplateDoesNotExist as error:
        return [
            checks.Error(f"HUB_BASE_TEMPLATE names {name!r}, and there is no template {str(error)!r}.", id="hub.E041")
        ]
    except TemplateSyntaxError as error:
        return [checks.Error(f"HUB_BASE_TEMPLATE names {name!r}, which cannot be used: {error}.", id="hub.E041")]
    found: list[checks.CheckMessage] = [
        checks.Error(
            f"HUB_BASE_TEMPLATE names {name!r}, which has no block {block!r}: pages would be shown without their "
            f"{'texts' if block == 'content' else 'styles and scripts'}.",
            hint=f"Add {{% block {block} %}}{{% endblock %}} to it; or name a template that extends it, and has this "
            "block inside one of its own.",
            id="hub.E042",
        )
        for block in missing
    ]
    if is_without_scripts:
        found.append(
            checks.Warning(
                f"HUB_BASE_TEMPLATE names {name!r}, which has widgets of the hub and no {{% hub_scripts %}}: pages "
                "show none of them.",
                hint="Write {% hub_scripts %} in its <head>.",
                id="hub.W057",
            )
        )
    return found


@checks.register
def middleware_finds_people(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """What finds out who asks is there, and each part stands after what it needs."""
    return [
        *_missing(_SESSIONS, "no page knows who is logged in"),
        *_missing(_PEOPLE, "no page knows who is logged in"),
        *_order(_SESSIONS, _PEOPLE, "it looks for the session"),
        *_order(_SESSIONS, _LANGUAGE, "it may look for the session"),
        *_order(_LANGUAGE, _ERRORS, "its pages are in the language of the visitor"),
    ]


def _missing(path: str, what: str) -> Iterator[checks.CheckMessage]:
    if place(path) is None:
        yield checks.Warning(
            f"MIDDLEWARE has no {_name(path)}: {what}.",
            hint=f"Add {path!r}, unless people of this project come with signed tokens only.",
            id="hub.W041",
        )


def _order(first: str, second: str, why: str) -> Iterator[checks.CheckMessage]:
    before, after = place(first), place(second)
    if before is not None and after is not None and before > after:
        yield checks.Error(
            f"MIDDLEWARE has {_name(second)} before {_name(first)}: {why}.",
            hint=f"Put {_name(first)} above it.",
            id="hub.E043",
        )


def _name(path: str) -> str:
    return path.rpartition(".")[2]


@checks.register
def log_in_page_is_found(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """``LOGIN_URL`` leads somewhere: the hub's pages send guests there."""
    try:
        resolve_url(settings.LOGIN_URL)
    except NoReverseMatch:
        return [
            checks.Error(
                f"LOGIN_URL is {str(settings.LOGIN_URL)!r}, and there is no URL of this name: whoever has to log in "
                "gets an error.",
                hint="Name a URL of the project's, or a path such as /accounts/login/.",
                id="hub.E044",
            )
        ]
    return []


@checks.register
def asgi_application_is_mounted(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """The module that ``ASGI_APPLICATION`` names calls :func:`hub.mount`; a project of others need not have it."""
    name = getattr(settings, "ASGI_APPLICATION", None)
    if not name or is_own_project():
        return []
    try:
        application = import_string(name)
    except ImproperlyConfigured:
        return []  # hub.mount says what the other checks say
    except ImportError as error:
        return [checks.Error(f"ASGI_APPLICATION names {name!r}, which cannot be imported: {error}.", id="hub.E048")]
    except Exception as error:  # noqa: BLE001  # the project's own, of which nothing is known
        return [
            checks.Warning(
                f"ASGI_APPLICATION names {name!r}, whose module fails here: {type(error).__name__}: {error}.",
                hint="A command needs no web application; a server of it fails in the same way.",
                id="hub.W045",
            )
        ]
    if mounts.is_made():
        return list(_taken_apart(name, application))
    return [
        checks.Warning(
            f"ASGI_APPLICATION names {name!r}, and hub.mount() has not made it: a server of it serves no live "
            "connections.",
            hint="At the end of its module: import hub; application = hub.mount(django_application).",
            id="hub.W044",
        )
    ]


def _taken_apart(name: str, application: object) -> Iterator[checks.CheckMessage]:
    """What hub.mount() made takes requests and WebSockets; a router around it may keep some from it."""
    if isinstance(application, ProtocolTypeRouter):
        taken = application.application_mapping
        if not (_may_reach_the_hub(taken.get("http")) and _may_reach_the_hub(taken.get("websocket"))):
            yield checks.Warning(
                f"ASGI_APPLICATION names {name!r}, a ProtocolTypeRouter around what hub.mount() made: live "
                "connections of the hub do not reach it.",
                hint="Put nothing around it: application = hub.mount(django_application, websocket=router).",
                id="hub.W058",
            )


def _may_reach_the_hub(application: Any) -> bool:
    """Whether something passes on to what hub.mount() made, as far as that can be told."""
    while application is not None and not mounts.has_made(application):
        if isinstance(application, URLRouter):
            return any(_may_reach_the_hub(getattr(route, "callback", None)) for route in application.routes)
        has = getattr(application, "__dict__", {})
        inside = next((has[name] for name in _INSIDE if name in has), None)
        if inside is None and not isinstance(application, ASGIHandler):
            return True  # an application of the project's own
        application = inside
    return application is not None


@checks.register
def urls_are_included(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """The hub is somewhere in the project's URLs, and has one address."""
    root = page_url("hub:root")
    if not root:
        return [checks.Error(inclusion.fault(), id="hub.E045")]
    if not root.endswith("/"):
        return [
            checks.Error(
                f"The hub's URLs are included at {root!r}, without a slash at the end: their names run into it.",
                hint="Write path('hub/', include('hub.urls')).",
                id="hub.E049",
            )
        ]
    if hidden := inclusion.hidden():
        return [
            checks.Error(
                f"Other URLs of the project answer {hidden!r}, which is the hub's: they stand above its own.",
                hint="Put path('hub/', include('hub.urls')) above what takes all addresses.",
                id="hub.E055",
            )
        ]
    depends, _ = is_language_prefix_patterns_used(settings.ROOT_URLCONF)
    addresses = set()
    for code in {code for code, _ in settings.LANGUAGES} if depends else ():
        with override(code):
            addresses.add(page_url("hub:root"))
    if len(addresses) < 2:
        return []
    return [
        checks.Warning(
            f"The hub's URLs are inside i18n_patterns(): its endpoints have {len(addresses)} addresses, and programs "
            "that connect name one of them.",
            hint="Include hub.urls outside i18n_patterns().",
            id="hub.W042",
        )
    ]


@checks.register
def cookies_reach_the_hub(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Browsers send the project's cookies to the hub's URLs as well."""
    root = page_url("hub:root")
    return [
        checks.Warning(
            f"{name} is {path!r}, and the hub is at {root}: browsers send it no such cookie, so that {what}.",
            hint="Include the hub's URLs below that path, or shorten it.",
            id="hub.W046",
        )
        for name, what in _COOKIES.items()
        if not (name == "CSRF_COOKIE_PATH" and settings.CSRF_USE_SESSIONS)  # there is no such cookie then
        if root and not _covers(path := getattr(settings, name), root)
    ]


def _covers(path: str, address: str) -> bool:
    """Whether a cookie of this path is sent to the address (RFC 6265, 5.1.4)."""
    return address.startswith(path if path.endswith("/") else f"{path}/")


@checks.register(deploy=True)
def guests_are_meant(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """A project says whether people may use the hub without a log-in: its own pages may all ask for one."""
    if is_own_project() or hasattr(settings, "HUB_GUESTS"):
        return []
    return [
        checks.Warning(
            "HUB_GUESTS is not set: whoever is not logged in may read the alerts to everyone, open topics and open "
            "chat rooms.",
            hint="HUB_GUESTS = False keeps them out; HUB_GUESTS = True says that they are meant.",
            id="hub.W047",
        )
    ]
