"""Django settings of the hub, made of its own (``hub.config.HubSettings``), which the environment sets.

``HUB_ENV=development`` (the default) suits one machine and loopback; ``HUB_ENV=production`` asks for the secrets a
real installation needs and refuses to start without them.
"""

import gc
import re
from datetime import timedelta

from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from hub.config import BASE_DIR, derived, private_files, production_checks, queues, reading

# Allocations between two collections of the young, and collections of each generation before one of the next; here
# because every process of the hub reads its settings first. With Python's own numbers (700, 10, 10) a start looks 300
# times through half a million objects that stay, a sixth of its time; and while a thousand sockets connect, each
# object of each of them is looked at several times, and the process stops for a quarter of a second in a busy moment.
# Cycles are rare here: sockets end by reference count.
gc.set_threshold(20_000, 50, 50)

# Every variable, converted and checked; what is wrong is told at once.
_given, _own = reading.for_django()
#: The settings of the engine and the apps, `HUB_<NAME>`: all of `hub.config.HubSettings` that is not one of Django's.
globals().update(_own)
HUB_DISPLAY_NAME = _given.display_name or "get_short_name"

PRODUCTION = _given.env == "production"
DEBUG = _given.debug
SECRET_KEY = _given.secret_key
if not SECRET_KEY and not PRODUCTION:
    SECRET_KEY = private_files.development_secret_key(_given.data_dir)

ALLOWED_HOSTS = list(_given.allowed_hosts)
FORCE_SCRIPT_NAME = _given.url_prefix or None
CSRF_TRUSTED_ORIGINS = list(_given.trusted_origins)

INSTALLED_APPS = [
    "hub",
    "hub.people",
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
    "worker.middleware.StartedBy",
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
            ],
        },
    },
]

# --- database -----------------------------------------------------------------------------------------------------
DATABASES = {"default": derived.database(_given)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# The threads of requests stay (`hub.server.request_slots`) and keep their connections for a minute; whether one still
# works is asked at the beginning of a request. So there are as many connections as threads.
DATABASES["default"]["CONN_MAX_AGE"] = 60
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["ENGINE"] = "hub.sqlite3"  # who waits to write has a turn
    DATABASES["default"]["OPTIONS"] = {
        # A transaction that means to write says so at its start: two that upgrade from reading would deadlock.
        "transaction_mode": "IMMEDIATE",
        "timeout": 10,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-16000;"
        # 16 MiB, as the cache: pages that several transactions change are copied into the database once.
        " PRAGMA wal_autocheckpoint=4000;",
    }
else:
    # A host that vanishes is noticed in seconds; the library and the kernel would wait for minutes.
    DATABASES["default"]["OPTIONS"] = {
        "connect_timeout": 5,
        "tcp_user_timeout": 10_000,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 2,
        # Statements are planned once (`hub.database.prepared`); where a pooler gives each transaction another
        # connection they cannot be, and nor can there be cursors of the server.
        "prepare_threshold": None if DATABASES["default"].get("DISABLE_SERVER_SIDE_CURSORS") else 2,
        **DATABASES["default"].get("OPTIONS", {}),
    }

# --- Redis: channel layer, broker, presence -----------------------------------------------------------------------
HUB_REDIS_URL = derived.redis_url(_given)
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "hub.bus.redis_layer.HubChannelLayer",
        "CONFIG": {
            "prefix": _given.redis_prefix,
            "hosts": [
                {
                    "address": HUB_REDIS_URL,
                    "socket_connect_timeout": 2,
                    # Longer than any silence between two health checks; a publisher gives up earlier by itself.
                    "socket_timeout": 30,
                    "health_check_interval": 10,
                }
            ],
        },
    },
}

HUB_CELERY_APP = "worker.celery.app"
CELERY_BROKER_URL = derived.broker_url(_given)
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
CELERY_TASK_TIME_LIMIT = _given.task_time_limit
CELERY_TASK_SOFT_TIME_LIMIT = CELERY_TASK_TIME_LIMIT * 0.9
# Seconds. A task that is not acknowledged for this long is given to another worker, so it outlasts the time limit.
CELERY_VISIBILITY_TIMEOUT = CELERY_TASK_TIME_LIMIT * 2
# Whoever sends a task while the broker is away gets an error within two seconds; the library would wait for ever.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "global_keyprefix": f"{_given.redis_prefix}:celery:",
    "visibility_timeout": CELERY_VISIBILITY_TIMEOUT,
    # Looked for every so many seconds; the library would look at every tenth such time only.
    "unacked_restore_interval": 10,
    "unacked_restore_throttle": 1,
    "socket_connect_timeout": 0.8,
    "socket_timeout": 1.5,
    "max_retries": 0,
}
CELERY_TASK_PUBLISH_RETRY = False
HUB_DELIVERIES_QUEUE = _given.deliveries_queue or queues.DELIVERIES
HUB_BULK_QUEUE = _given.bulk_queue or queues.BULK
CELERY_TASK_DEFAULT_QUEUE = queues.DEFAULT
# A worker that is not told which queues it reads (-Q) reads all of these.
CELERY_TASK_QUEUES = {
    _name: {"exchange": _name, "routing_key": _name}
    for _name in (queues.DEFAULT, HUB_DELIVERIES_QUEUE, HUB_BULK_QUEUE, queues.BEFORE)
}
# There is no result backend; one that is added finds the same time, where the library looks for it there.
CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS = {"visibility_timeout": CELERY_VISIBILITY_TIMEOUT}
CELERY_WORKER_CONCURRENCY = _given.worker_concurrency
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

# --- people -------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "hub_people.User"
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
LOGIN_REDIRECT_URL = "hub:root"
LOGOUT_REDIRECT_URL = "hub:root"
# Seconds for which the link in a mail lets somebody set a new password.
PASSWORD_RESET_TIMEOUT = 3600

# --- mail ---------------------------------------------------------------------------------------------------------
# Without a server development writes mail to the worker's output, and production sends none: nothing offers to.
EMAIL_BACKEND = f"django.core.mail.backends.{'dummy' if PRODUCTION else 'console'}.EmailBackend"
# Seconds; the library would wait for ever.
EMAIL_TIMEOUT = 10
globals().update(_given.email_url)
DEFAULT_FROM_EMAIL = _given.email_from

# --- language and time --------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("ru", _("Russian"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = _given.time_zone
CELERY_TIMEZONE = TIME_ZONE

# --- static files -------------------------------------------------------------------------------------------------
STATIC_URL = f"{_given.url_prefix}/static/"
STATIC_ROOT = derived.gathered_files(_given)
# In the repository; the package has them in its app.
STATICFILES_DIRS = [folder for folder in (BASE_DIR / "static",) if folder.is_dir()]
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
HUB_COOKIE_PREFIX = derived.cookie_prefix(_given)
SESSION_COOKIE_NAME = f"{HUB_COOKIE_PREFIX}session"
CSRF_COOKIE_NAME = f"{HUB_COOKIE_PREFIX}csrf"
LANGUAGE_COOKIE_NAME = f"{HUB_COOKIE_PREFIX}language"
MESSAGE_STORAGE = "hub.web.page_messages.PageMessages"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = _given.https
LANGUAGE_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = LANGUAGE_COOKIE_PATH = f"{_given.url_prefix}/"
SECURE_SSL_REDIRECT = _given.https
# Health checks of containers and Prometheus come over plain HTTP, from inside.
SECURE_REDIRECT_EXEMPT = [rf"^{re.escape(f'{_given.url_prefix}/'.lstrip('/'))}(health/|metrics$)"]
SECURE_HSTS_SECONDS = int(timedelta(days=365).total_seconds()) if _given.https else 0
# HSTS for subdomains, and for the lists that browsers ship, binds a whole domain for years: that is for its owner to
# decide, not for a default.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
# Only for a proxy that overwrites the header, as the shipped nginx configuration does.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _given.https else None

if PRODUCTION:
    production_checks.refuse_unsafe(globals(), allowed=_given.allow_unsafe)

LOGGING_CONFIG = "hub.ops.logs.configure"
LOGGING: dict[str, object] = {"level": _given.log_level, "json": _given.log_json}
