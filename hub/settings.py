"""Django settings of the hub, read from the environment (``.env.example`` lists every variable).

``HUB_ENV=development`` (the default) suits one machine and loopback; ``HUB_ENV=production`` asks for the secrets a
real installation needs and refuses to start without them.
"""

import gc
import re
from datetime import timedelta

import django_stubs_ext
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from hub import config
from hub.channels import open_namespaces
from hub.config import environment, production_checks
from hub.config.environment import BASE_DIR, env

# Allocations between two collections of the young, and collections of each generation before one of the next; here
# because every process of the hub reads its settings first. With Python's own numbers (700, 10, 10) a start looks 300
# times through half a million objects that stay, a sixth of its time; and while a thousand sockets connect, each
# object of each of them is looked at several times, and the process stops for a quarter of a second in a busy moment.
# Cycles are rare here: sockets end by reference count.
gc.set_threshold(20_000, 50, 50)

# `ModelAdmin[Room]` and the like are written with their type everywhere.
django_stubs_ext.monkeypatch()

HUB_ENV = env.str("HUB_ENV", default="development")
if HUB_ENV not in {"development", "production"}:
    raise ImproperlyConfigured(f"HUB_ENV must be 'development' or 'production', not {HUB_ENV!r}.")
PRODUCTION = HUB_ENV == "production"
HUB_DATA_DIR = environment.data_dir()
HUB_HTTPS = environment.boolean("HUB_HTTPS", default=PRODUCTION)
DEBUG = environment.boolean("HUB_DEBUG")

SECRET_KEY = env.str("SECRET_KEY", default="")
if not SECRET_KEY and not PRODUCTION:
    SECRET_KEY = environment.development_secret_key(HUB_DATA_DIR)

ALLOWED_HOSTS: list[str] = env.list("HUB_ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
#: The path below which people find the hub: "/hub", or "" for the whole host.
HUB_URL_PREFIX = environment.url_prefix()
FORCE_SCRIPT_NAME = HUB_URL_PREFIX or None
#: Other origins (scheme, host and port) whose pages may open sockets and send forms.
CSRF_TRUSTED_ORIGINS: list[str] = env.list("HUB_TRUSTED_ORIGINS", default=[])
#: Addresses and networks of the proxies whose X-Forwarded-For and -Proto the web server believes.
HUB_TRUSTED_PROXIES = environment.trusted_proxies()

INSTALLED_APPS = [
    "hub",
    "hub.accounts",
    "notifications",
    "chat",
    "presence",
    "worker",
    "channels",
    "django_celery_beat",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "servestatic",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "hub.web.client_address.ClientAddress",
    "django.middleware.security.SecurityMiddleware",
    "hub.web.static_files.StaticFiles",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "hub.web.plain_errors.PlainErrors",
]

ROOT_URLCONF = "hub.web.project_urls"
ASGI_APPLICATION = "hub.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "hub.web.context.hub",
            ],
        },
    },
]

# --- database -----------------------------------------------------------------------------------------------------
DATABASES = {"default": environment.database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# The threads of requests stay (`hub.server.request_slots`) and keep their connections for a minute; whether one still
# works is asked at the beginning of a request. So there are as many connections as threads.
DATABASES["default"]["CONN_MAX_AGE"] = 60
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        # A transaction that means to write says so at its start: two that upgrade from reading would deadlock.
        "transaction_mode": "IMMEDIATE",
        "timeout": 10,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-16000;",
    }
else:
    # A host that vanishes is noticed in seconds; the library and the kernel would wait for minutes.
    DATABASES["default"]["OPTIONS"] = {
        "connect_timeout": 5,
        "tcp_user_timeout": 10_000,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 2,
        **DATABASES["default"].get("OPTIONS", {}),
    }

# --- Redis: channel layer, broker, presence -----------------------------------------------------------------------
REDIS_URL = environment.redis_url()
HUB_REDIS_PREFIX = env.str("HUB_REDIS_PREFIX", default="hub")
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "hub.bus.redis_layer.HubChannelLayer",
        "CONFIG": {
            "prefix": HUB_REDIS_PREFIX,
            "hosts": [
                {
                    "address": REDIS_URL,
                    "socket_connect_timeout": 2,
                    # Longer than any silence between two health checks; a publisher gives up earlier by itself.
                    "socket_timeout": 30,
                    "health_check_interval": 10,
                }
            ],
        },
    },
}

CELERY_BROKER_URL = environment.broker_url()
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# However long the broker is away: a worker and a beat that gave up would have to be started by somebody.
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# Seconds after which a task is ended; it is told a little before.
CELERY_TASK_TIME_LIMIT = environment.integer("HUB_TASK_TIME_LIMIT", 300, least=2, most=86_400)
CELERY_TASK_SOFT_TIME_LIMIT = CELERY_TASK_TIME_LIMIT * 0.9
# Seconds. A task that is not acknowledged for this long is given to another worker, so it outlasts the time limit.
CELERY_VISIBILITY_TIMEOUT = CELERY_TASK_TIME_LIMIT * 2
# Whoever sends a task while the broker is away gets an error within two seconds; the library would wait for ever.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "global_keyprefix": f"{HUB_REDIS_PREFIX}:celery:",
    "visibility_timeout": CELERY_VISIBILITY_TIMEOUT,
    # Looked for every so many seconds; the library would look at every tenth such time only.
    "unacked_restore_interval": 10,
    "unacked_restore_throttle": 1,
    "socket_connect_timeout": 0.8,
    "socket_timeout": 1.5,
    "max_retries": 0,
}
CELERY_TASK_PUBLISH_RETRY = False
# There is no result backend; one that is added finds the same time, where the library looks for it there.
CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS = {"visibility_timeout": CELERY_VISIBILITY_TIMEOUT}
CELERY_WORKER_CONCURRENCY = environment.integer("HUB_WORKER_CONCURRENCY", 2, least=1, most=1000)
# Seconds a running task may go on after SIGQUIT; then it is ended and goes back into its queue.
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 4.0
# Nothing is kept of results, so nothing has to be cleaned up: this keeps Celery's own row out of the schedules.
CELERY_RESULT_EXPIRES = None
CELERY_BEAT_SCHEDULER = "worker.beat.HubScheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 5
# A killed beat must not run again what it has run: when each schedule ran is written at once, not every 3 minutes.
CELERY_BEAT_SYNC_EVERY = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
DJANGO_CELERY_BEAT_TZ_AWARE = True

# --- the engine: everything in hub.config.HubSettings that is not read in a form of its own here ---------------------
HUB_API_DOCS = "staff" if PRODUCTION else "anyone"
HUB_DISPLAY_NAME = "username"
globals().update(config.from_environment(but=config.READ_ELSEWHERE))

# --- operators ------------------------------------------------------------------------------------------------------
HUB_OPERATOR_ADDRESSES = environment.networks("HUB_OPERATOR_ADDRESSES", default="127.0.0.0/8,::1")

# --- history --------------------------------------------------------------------------------------------------------
HUB_RETENTION = environment.retention()

# --- hub socket -----------------------------------------------------------------------------------------------------
HUB_TOKEN_SECRET = environment.token_secrets()
HUB_OPEN_NAMESPACES = open_namespaces.read(env.str("HUB_OPEN_NAMESPACES", default=""))

# --- people -------------------------------------------------------------------------------------------------------
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
AUTHENTICATION_BACKENDS = ["hub.accounts.backends.PasswordBackend"]
SESSION_ENGINE = "hub.accounts.sessions"
CSRF_FAILURE_VIEW = "hub.web.error_pages.csrf_failure"
LOGIN_URL = "hub:accounts:login"
LOGIN_REDIRECT_URL = "hub:home"
LOGOUT_REDIRECT_URL = "hub:home"
# Seconds for which the link in a mail lets somebody set a new password.
PASSWORD_RESET_TIMEOUT = 3600
HUB_SIGNUP = environment.boolean("HUB_SIGNUP", default=not PRODUCTION)
HUB_OPEN_ROOMS_BY_CONNECTING = environment.boolean("HUB_OPEN_ROOMS_BY_CONNECTING", default=not PRODUCTION)
HUB_CLIENT_BROADCAST = env.str("HUB_CLIENT_BROADCAST", default="") or "staff"
if HUB_CLIENT_BROADCAST not in {"staff", "authenticated", "anyone"}:
    raise ImproperlyConfigured(
        f"HUB_CLIENT_BROADCAST must be 'staff', 'authenticated' or 'anyone', not {HUB_CLIENT_BROADCAST!r}."
    )

# --- mail ---------------------------------------------------------------------------------------------------------
# Without a server development writes mail to the worker's output, and production sends none: nothing offers to.
EMAIL_BACKEND = f"django.core.mail.backends.{'dummy' if PRODUCTION else 'console'}.EmailBackend"
# Seconds; the library would wait for ever.
EMAIL_TIMEOUT = 10
globals().update(environment.email())
DEFAULT_FROM_EMAIL = env.str("HUB_EMAIL_FROM", default="") or "hub@localhost"

# --- language and time --------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("ru", _("Russian"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = env.str("HUB_TIME_ZONE", default="UTC")
CELERY_TIMEZONE = TIME_ZONE

# --- static files -------------------------------------------------------------------------------------------------
STATIC_URL = f"{HUB_URL_PREFIX}/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "hub.web.node_files.NodeFilesFinder",
]
# Production serves what `collectstatic` gathered under hashed names; development finds files where they are written.
SERVESTATIC_USE_FINDERS = not PRODUCTION
# A file that is edited while the hub runs is served as it is then.
SERVESTATIC_AUTOREFRESH = not PRODUCTION
SERVESTATIC_ALLOW_ALL_ORIGINS = False
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "hub.web.static_storage.HubStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

# --- security -----------------------------------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "base-uri": [NONE],
        "object-src": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
        "img-src": [SELF, "data:"],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
# Cookies know no ports: with Django's own names, a second project on the host would log people out of the first one.
HUB_COOKIE_PREFIX = environment.cookie_prefix(production=PRODUCTION, https=HUB_HTTPS, url_prefix=HUB_URL_PREFIX)
SESSION_COOKIE_NAME = f"{HUB_COOKIE_PREFIX}session"
CSRF_COOKIE_NAME = f"{HUB_COOKIE_PREFIX}csrf"
LANGUAGE_COOKIE_NAME = f"{HUB_COOKIE_PREFIX}language"
MESSAGE_STORAGE = "hub.web.page_messages.PageMessages"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = HUB_HTTPS
LANGUAGE_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = LANGUAGE_COOKIE_PATH = f"{HUB_URL_PREFIX}/"
SECURE_SSL_REDIRECT = HUB_HTTPS
# Health checks of containers and Prometheus come over plain HTTP, from inside.
SECURE_REDIRECT_EXEMPT = [rf"^{re.escape(f'{HUB_URL_PREFIX}/'.lstrip('/'))}(health/|metrics$)"]
SECURE_HSTS_SECONDS = int(timedelta(days=365).total_seconds()) if HUB_HTTPS else 0
# HSTS for subdomains, and for the lists that browsers ship, binds a whole domain for years: that is for its owner to
# decide, not for a default.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
# Only for a proxy that overwrites the header, as the shipped nginx configuration does.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HUB_HTTPS else None

#: Dangers of production that this installation knows of and takes, by the names of `hub.config.production_checks`.
HUB_ALLOW_UNSAFE = production_checks.allowed_dangers()
if PRODUCTION:
    production_checks.refuse_unsafe(globals(), allowed=HUB_ALLOW_UNSAFE)

LOGGING_CONFIG = "hub.ops.logs.configure"
LOGGING: dict[str, object] = {
    "level": env.str("HUB_LOG_LEVEL", default="") or "INFO",
    "json": environment.boolean("HUB_LOG_JSON", default=PRODUCTION),
}
