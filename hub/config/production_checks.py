"""Settings with which production must not start, because somebody would be able to take it over or to read it.

No Django in here: the settings ask this module while Django is not configured yet.
"""

import ipaddress
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, NamedTuple, get_args
from urllib.parse import parse_qs, urlsplit

from hub.config import layers
from hub.config.installation import DangerName
from hub.config.kinds import GENERATOR, LOOPBACK, TOKEN_SECRET_LENGTH
from hub.config.variables import UnusableEnvironment
from hub.config.weak_secrets import is_guessable

#: Characters of a secret key, and how many different ones: what ``secrets.token_urlsafe(40)`` surpasses.
KEY_LENGTH = 50
KEY_VARIETY = 12

#: How many different characters a secret for signed tokens has at least.
TOKEN_SECRET_VARIETY = 8

#: The same of a password that a machine or the first administrator uses.
PASSWORD_LENGTH = 12
PASSWORD_VARIETY = 6

PICKLE = frozenset({"pickle", "application/x-python-serialize"})

#: The variable that lets production start all the same: names of dangers, separated by commas.
ALLOW = "HUB_ALLOW_UNSAFE"

#: Django's settings by name, and the hub's own.
Settings = Mapping[str, Any]


class SettingNames(NamedTuple):
    """How a sentence calls settings: where somebody sets them, they have these names."""

    debug: str
    hosts: str
    origins: str
    database: str
    sqlite: str
    redis: str
    safe_database: str
    safe_mail: str
    #: What follows the name of a secret, made of it.
    or_file: str
    #: What allows a danger, made of its name.
    allowance: str

    def secret(self, name: str) -> str:
        """A secret by its name, and by whatever else sets it."""
        return name + self.or_file.format(name)


#: Of the hub's own project, which its environment sets.
OWN = SettingNames(
    debug="HUB_DEBUG",
    hosts="HUB_ALLOWED_HOSTS",
    origins="HUB_TRUSTED_ORIGINS",
    database="DATABASE_URL",
    sqlite="DATABASE_URL names SQLite, or nothing,",
    redis="REDIS_URL",
    safe_database="write postgres://user:password@host:port/name",
    safe_mail="write smtp+tls:// or smtp+ssl:// in HUB_EMAIL_URL",
    or_file=" (or {}_FILE)",
    allowance=f"{ALLOW}={{}}",
)

#: Of a project with the hub inside, which Django's settings set.
INSIDE = SettingNames(
    debug="DEBUG",
    hosts="ALLOWED_HOSTS",
    origins="CSRF_TRUSTED_ORIGINS",
    database="DATABASES",
    sqlite="DATABASES names SQLite,",
    redis="HUB_REDIS_URL",
    safe_database="set PASSWORD",
    safe_mail="set EMAIL_USE_TLS or EMAIL_USE_SSL",
    or_file="",
    allowance=f'{ALLOW} = ["{{}}"]',
)


class Danger(NamedTuple):
    """Something unsafe: its name for ``HUB_ALLOW_UNSAFE``, and one sentence that says what to do. It has no secret."""

    name: str
    sentence: str
    words: SettingNames = OWN

    @property
    def refusal(self) -> str:
        """The sentence, and how to start all the same."""
        return f"{self.sentence} ({self.words.allowance.format(self.name)} allows it.)"


def refuse_unsafe(settings: Settings, *, allowed: Collection[str] = ()) -> None:
    """Raise ``UnusableEnvironment`` with a sentence for each danger in ``settings`` that is not one of ``allowed``."""
    if found := [danger.refusal for danger in dangers(settings, OWN) if danger.name not in allowed]:
        raise UnusableEnvironment("\n".join(found))


def dangers(settings: Settings, words: SettingNames) -> Iterator[Danger]:
    """What is unsafe in production about these settings, in these words; of one that is not there nothing is."""
    for name, judge in _JUDGES.items():
        try:
            sentence = judge(settings, words)
        except KeyError:  # a project with settings of its own
            continue
        if sentence:
            yield Danger(name, sentence, words)


def weak_admin_password(password: str) -> Danger | None:
    """The danger of making the first administrator with this password; None where it is strong."""
    if not is_weak_password(password):
        return None
    return Danger(
        ADMIN_PASSWORD,
        "HUB_ADMIN_PASSWORD (or HUB_ADMIN_PASSWORD_FILE) could be guessed: give it at least "
        f"{PASSWORD_LENGTH} random characters, or leave it out and have one made up.",
    )


def is_weak_password(password: str) -> bool:
    """Whether a password that no person has to remember could be guessed."""
    return is_guessable(password, length=PASSWORD_LENGTH, variety=PASSWORD_VARIETY)


def _secret_key(settings: Settings, words: SettingNames) -> str | None:
    key = settings["SECRET_KEY"]
    if not key.startswith("django-insecure-") and not is_guessable(key, length=KEY_LENGTH, variety=KEY_VARIETY):
        return None
    return (
        f"{words.secret('SECRET_KEY')} must have at least {KEY_LENGTH} random characters in production: "
        "python -c 'import secrets; print(secrets.token_urlsafe(64))' makes one."
    )


def _token_secret(settings: Settings, words: SettingNames) -> str | None:
    for secret in settings["HUB_TOKEN_SECRET"]:
        if is_guessable(secret, length=TOKEN_SECRET_LENGTH, variety=TOKEN_SECRET_VARIETY):
            return (
                f"{words.secret('HUB_TOKEN_SECRET')} follows a pattern, and whoever guesses it logs in as "
                f"anybody: {GENERATOR}."
            )
    return None


def _operator_token(settings: Settings, words: SettingNames) -> str | None:
    token = settings.get("HUB_OPERATOR_TOKEN", "")
    if not token or not is_guessable(token, length=TOKEN_SECRET_LENGTH, variety=TOKEN_SECRET_VARIETY):
        return None
    name = words.secret("HUB_OPERATOR_TOKEN")
    return f"{name} must have at least {TOKEN_SECRET_LENGTH} random characters: {GENERATOR}."


def _debug(settings: Settings, words: SettingNames) -> str | None:
    if settings["DEBUG"]:
        return f"{words.debug} shows settings and code to visitors: leave it off in production."
    return None


def _allowed_hosts(settings: Settings, words: SettingNames) -> str | None:
    if "*" in settings["ALLOWED_HOSTS"]:
        return f"{words.hosts} must name the hub's hosts in production: '*' takes any."
    return None


def _redis_password(settings: Settings, words: SettingNames) -> str | None:
    try:
        parts = urlsplit(settings["HUB_REDIS_URL"])
        host, password = parts.hostname, parts.password or (parse_qs(parts.query).get("password") or [""])[0]
    except ValueError:
        host, password, parts = None, "", urlsplit("")
    if parts.scheme == "unix" or host in LOOPBACK or not is_weak_password(password):
        return None
    return (
        f"{words.redis} names a Redis on the network without a password of {PASSWORD_LENGTH} random characters: "
        "write redis://:password@host:port/0."
    )


def _memory_layer(settings: Settings, words: SettingNames) -> str | None:
    ours = layers.of_the_hub(settings["CHANNEL_LAYERS"])
    if ours is not None and layers.is_in_memory(ours):
        return (
            "CHANNEL_LAYERS is in memory, which no two processes share, and production has several: use the Redis one."
        )
    return None


def _pickle(settings: Settings, words: SettingNames) -> str | None:
    if PICKLE & set(settings["CELERY_ACCEPT_CONTENT"]):
        return "CELERY_ACCEPT_CONTENT has pickle, with which whoever writes to Redis runs code here: leave it out."
    return None


def _open_namespaces(settings: Settings, words: SettingNames) -> str | None:
    if settings["HUB_OPEN_NAMESPACES"]:
        return "HUB_OPEN_NAMESPACES opens channels without a rule and is for development: declare namespaces in code."
    return None


def _plain_http(settings: Settings, words: SettingNames) -> str | None:
    if settings["HUB_HTTPS"]:
        return None
    return (
        "HUB_HTTPS is off, so that passwords and sessions cross the network in the clear: serve the hub over HTTPS, "
        "and leave HUB_HTTPS out."
    )


def _origins(settings: Settings, words: SettingNames) -> str | None:
    named = [
        *((words.origins, origin) for origin in settings.get("CSRF_TRUSTED_ORIGINS", ())),
        *(("HUB_TOKEN_ORIGINS", origin) for origin in settings.get("HUB_TOKEN_ORIGINS", ())),
    ]
    for name, origin in named:
        try:
            parts = urlsplit(origin)
            host = parts.hostname or ""
        except ValueError:
            continue  # Django's own check names what is no origin
        if "*" in host and (not host.startswith("*.") or host.count("*") > 1 or host.count(".") < 2):
            return f"{name} has {origin!r}, which trusts the pages of strangers: name the origins."
        # Without HTTPS of the hub itself nothing would be gained.
        if parts.scheme == "http" and host not in LOOPBACK and settings.get("HUB_HTTPS", True):
            return f"{name} has {origin!r}, whose pages anyone on the network can change: serve them over https."
    return None


def _trusted_proxies(settings: Settings, words: SettingNames) -> str | None:
    if any(map(_is_everyone, settings["HUB_TRUSTED_PROXIES"])):
        return (
            "HUB_TRUSTED_PROXIES believes everybody about the address that they come from: name the proxies, or their "
            "network."
        )
    return None


def _is_everyone(network: str) -> bool:
    try:
        return network == "*" or ipaddress.ip_network(network, strict=False).prefixlen == 0
    except ValueError:
        return False


def _database_password(settings: Settings, words: SettingNames) -> str | None:
    database = settings["DATABASES"]["default"]
    host, options = str(database.get("HOST") or ""), database.get("OPTIONS") or {}
    has_other_proof = {"sslcert", "passfile", "service"} & set(options)
    if _is_sqlite(settings) or host in LOOPBACK or host.startswith(("/", "%2F", "%2f")) or not host or has_other_proof:
        return None
    if is_weak_password(str(database.get("PASSWORD") or "")):
        return (
            f"{words.database} names a database on the network without a password of {PASSWORD_LENGTH} random "
            f"characters: {words.safe_database}."
        )
    return None


def _plain_mail(settings: Settings, words: SettingNames) -> str | None:
    is_open = not settings.get("EMAIL_USE_TLS") and not settings.get("EMAIL_USE_SSL")
    if is_open and settings.get("EMAIL_HOST_PASSWORD") and settings.get("EMAIL_HOST") not in LOOPBACK:
        return f"The password of the mail server is sent in the clear: {words.safe_mail}."
    return None


def _sqlite(settings: Settings, words: SettingNames) -> str | None:
    if not _is_sqlite(settings):
        return None
    return f"{words.sqlite} and SQLite is for one machine with one person at a time who writes: name a PostgreSQL."


def _is_sqlite(settings: Settings) -> bool:
    return str(settings["DATABASES"]["default"]["ENGINE"]).endswith("sqlite3")


_JUDGES: dict[str, Callable[[Settings, SettingNames], str | None]] = {
    "secret-key": _secret_key,
    "debug": _debug,
    "allowed-hosts": _allowed_hosts,
    "redis-password": _redis_password,
    "memory-layer": _memory_layer,
    "pickle": _pickle,
    "open-namespaces": _open_namespaces,
    "token-secret": _token_secret,
    "operator-token": _operator_token,
    "plain-http": _plain_http,
    "origins": _origins,
    "trusted-proxies": _trusted_proxies,
    "database-password": _database_password,
    "plain-mail": _plain_mail,
    "sqlite": _sqlite,
}

#: Judged where it is used (:mod:`hub.supervisor.database`): it is no setting.
ADMIN_PASSWORD = "admin-password"  # noqa: S105  # the name of a danger

#: What ``HUB_ALLOW_UNSAFE`` may name.
NAMES: tuple[str, ...] = get_args(DangerName)
