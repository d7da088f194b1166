"""The settings of an installation: where it runs, what it stores in, who reaches it, and how it logs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from hub.config.declaration import Section
from hub.config.kinds import (
    Addresses,
    CookiePrefix,
    Database,
    Folder,
    Form,
    LogLevel,
    Mail,
    Port,
    Proxies,
    RedisAddress,
    TimeZone,
    UrlPath,
)
from hub.config.paths import data_folder

#: Names of what is unsafe in production, see :mod:`hub.config.production_checks`.
DangerName = Literal[
    "secret-key",
    "debug",
    "allowed-hosts",
    "redis-password",
    "memory-layer",
    "pickle",
    "open-namespaces",
    "token-secret",
    "operator-token",
    "plain-http",
    "origins",
    "trusted-proxies",
    "database-password",
    "plain-mail",
    "sqlite",
    "admin-password",
]

_runs = Section("Where it runs")
_stores = Section("Database and Redis")
_reached = Section("Secrets and addresses")
_operators = Section("Operators")
_mails = Section("Mail, language and time")
_logs = Section("Logs and metrics")


@dataclass(frozen=True, slots=True, init=False, repr=False, eq=False)  # only what extends it is made
class Installation:
    """The part of :class:`hub.config.HubSettings` that an installation is told once."""

    env: Annotated[Literal["development", "production"], Form(may_be_empty=False)] = _runs(
        "development",
        "What the hub is for. `development` suits one machine and needs no settings. `production` asks for "
        "SECRET_KEY, refuses to start with what is unsafe, and serves static files that `collectstatic` gathered.",
        unless="other people use this hub: then it is `production`",
        alone=True,
    )
    port: Port = _runs(
        8000,
        "Port of `make run` on the loopback interface; in compose.yaml that of nginx, there 8080 by default.",
        unless="another program has the port",
        unit="port",
        alone=True,
    )
    web_processes: Annotated[int, Meta(ge=1, le=256)] = _runs(
        1,
        "Web processes that `make run` starts.",
        unless="one process uses a whole core; then start as many as there are cores",
        unit="processes",
        alone=True,
    )
    data_dir: Folder = _runs(
        data_folder(),
        "Folder of the SQLite database, the hub's own Redis, logs and generated secrets. The hub takes the rights of "
        "other users away from what it puts there.",
        unless="the folder of the code cannot be written to",
        default_in_words="`var/` beside `.env.example`; of an installed package `var/` in the current folder",
        example="/var/lib/hub",
        alone=True,
    )
    deliveries_concurrency: Annotated[int, Meta(ge=1, le=1000)] = _runs(
        2,
        "Tasks that the worker of `make run` for alerts (queue `deliveries`) runs at the same time.",
        unless="alerts wait in their queue while there is processor time to spare",
        unit="tasks",
        alone=True,
    )
    bulk_concurrency: Annotated[int, Meta(ge=1, le=1000)] = _runs(
        1,
        "Tasks that the worker of `make run` for large work (queue `bulk`) runs at the same time.",
        unless="imports wait while there is processor time to spare",
        unit="tasks",
        alone=True,
    )
    worker_concurrency: Annotated[int, Meta(ge=1, le=1000)] = _runs(
        2,
        "Tasks that one worker runs at the same time, where nothing else is said at its start. Each has a process and "
        "a connection to the database.",
        unless="tasks wait in the queue while the worker has processor time to spare",
        unit="tasks",
        django="CELERY_WORKER_CONCURRENCY",
    )
    task_time_limit: Annotated[int, Meta(ge=2, le=86_400)] = _runs(
        300,
        "Time after which a task is ended. If a worker is killed, its durable jobs run again after half a minute, its "
        "other tasks after twice this time.",
        unless="a task of yours takes longer",
        unit="seconds",
        django="CELERY_TASK_TIME_LIMIT",
    )
    debug: bool = _runs(
        False,
        "Whether errors are shown as Django's pages with all details, among them settings and code.",
        unless="you look for an error on your own machine; production refuses it",
        django="DEBUG",
    )
    allow_unsafe: Sequence[DangerName] = _runs(
        (),
        "Dangers that this installation accepts. Production refuses to start with what is unsafe, in a "
        "sentence that ends with the name to write here.",
        unless="the start was refused, and you know why the danger does not concern this installation",
        zero="allows none",
        example="plain-http,sqlite",
    )

    database_url: Database = _stores(
        {},
        "Address of the database.",
        unless="more than a handful of people use this hub: then name a PostgreSQL",
        default_in_words="SQLite in HUB_DATA_DIR",
        example="postgres://hub:password@127.0.0.1:5432/hub",
        variable="DATABASE_URL",
        django="DATABASES",
        secret=True,
    )
    redis_url: RedisAddress = _stores(
        "",
        "Address of Redis, which carries messages between processes and is the broker of tasks. It needs no backup.",
        unless="the hub runs on several machines, or you have a Redis already",
        default_in_words="a Redis of its own, which `make run` starts, on a unix socket in HUB_DATA_DIR",
        example="redis://:password@127.0.0.1:6379/0",
        variable="REDIS_URL",
        secret=True,
    )
    redis_prefix: str = _stores(
        "hub",
        "What every key, group and lease in Redis begins with.",
        unless="several hubs share one Redis, or it is a cluster: then `{hub}`, with the braces",
    )

    secret_key: str = _reached(
        "",
        "Key that signs sessions and links. Production needs at least 50 random characters, the same for all "
        "processes and machines.",
        unless="HUB_ENV is `production`, or others may have seen it; a new key logs everybody out",
        default_in_words="one that development makes and keeps in HUB_DATA_DIR; none in production",
        variable="SECRET_KEY",
        django="SECRET_KEY",
        secret=True,
    )
    allowed_hosts: Sequence[str] = _reached(
        ("localhost", "127.0.0.1", "[::1]"),
        "Host names that the hub answers to; `.example.com` stands for all below it.",
        unless="people reach the hub under a name: then list it",
        django="ALLOWED_HOSTS",
    )
    url_prefix: UrlPath = _reached(
        "",
        "Path below which people find the hub; pages, sockets, API, cookies and links have it. The proxy may pass it "
        "on or take it off.",
        unless="the hub shares its host with other sites",
        zero="has the whole host",
        example="/hub",
        alone=True,
    )
    trusted_origins: Sequence[str] = _reached(
        (),
        "Other origins (scheme, host, port) whose pages may open sockets and send forms. Also the hub's own, where a "
        "proxy publishes it at another port than 80 and 443: links in mails lead to ports that the hub knows.",
        unless="pages of another origin connect to the hub",
        zero="trusts its own pages only",
        example="https://app.example.com",
        django="CSRF_TRUSTED_ORIGINS",
    )
    https: bool = _reached(
        True,
        "Whether people reach the hub over HTTPS: cookies are secure, plain HTTP is redirected, and browsers are told "
        "to come over HTTPS for a year (HSTS).",
        unless="nobody but this machine reaches a hub in production",
        development=False,
        alone=True,
    )
    cookie_prefix: CookiePrefix = _reached(
        "",
        "What the names of all cookies begin with. Cookies know no ports: two hubs on one host need two prefixes.",
        unless="two hubs share a host; a new prefix logs everybody out",
        default_in_words="`hub_<port>_` in development; in production `__Host-hub_` with HUB_HTTPS (`__Secure-hub_` "
        "below a path), else `hub_`",
        example="hub_",
        alone=True,
    )
    trusted_proxies: Proxies = _reached(
        ("127.0.0.1",),
        "Addresses and networks of the proxies whose X-Forwarded-For and -Proto are believed; they must overwrite "
        "both. `*` believes everybody, which production refuses. Over a unix socket (`--uds`) the hub believes "
        "whoever comes.",
        unless="a proxy reaches the hub from another machine or container",
    )
    admin_password: str = _reached(
        "",
        "Password of the first administrator, `admin`. Used once, where there is no administrator yet.",
        unless="nobody can read the output of the first start",
        default_in_words="a random one, shown once",
        secret=True,
        alone=True,
    )

    operator_addresses: Addresses = _operators(
        ("127.0.0.0/8", "::1"),
        "Addresses and networks that may read /metrics and the details of /health/ready.",
        unless="your monitoring comes from another machine",
        zero="`none` lets nobody in by address",
    )
    operator_token: str = _operators(
        "",
        "Bearer token with which anyone may read /metrics and the details of /health/ready from anywhere: at least 32 "
        "random characters.",
        unless="your monitoring has no fixed address",
        zero="lets nobody in by token",
        secret=True,
    )
    api_docs: Literal["off", "staff", "anyone"] = _operators(
        "staff",
        "Who may read /api/docs and /api/openapi.json; with `off` nobody.",
        unless="strangers are to write programs for this hub",
        development="anyone",
    )

    email_url: Mail = _mails(
        {},
        "The mail server, for links with which people set a new password.",
        unless="people log in with passwords of this hub: then name a server",
        default_in_words="development writes mails to the worker's output; production sends none and offers none",
        example="smtp+tls://user:password@mail.example.com:587",
        django="EMAIL_HOST and others",
        secret=True,
    )
    email_from: str = _mails(
        "hub@localhost",
        "Sender of mails.",
        unless="HUB_EMAIL_URL is set: then an address that its server sends for",
        example="hub@example.com",
        django="DEFAULT_FROM_EMAIL",
    )
    time_zone: TimeZone = _mails(
        "UTC",
        "Time zone of pages, and of schedules that name none.",
        unless="your people live in one other time zone",
        django="TIME_ZONE",
    )

    log_level: LogLevel = _logs(
        "INFO",
        "The least important events that are logged.",
        unless="you look for an error: DEBUG writes many lines for each message",
        django="LOGGING",
    )
    log_json: bool = _logs(
        True,
        "Whether each line of the log is a JSON object instead of a text for people.",
        unless="a program reads the log of a hub in development",
        development=False,
        django="LOGGING",
    )
    metrics_dir: str = _logs(
        "",
        "Folder in which several web processes of one machine put their metrics, so that each shows the sum; the "
        "metrics library reads it too. `make run` sets it by itself.",
        unless="you start several web processes without `make run`: then an empty folder for each start",
        zero="lets each web process show its own metrics",
        example="/run/hub/metrics",
        variable="PROMETHEUS_MULTIPROC_DIR",
    )
