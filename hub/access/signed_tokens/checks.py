"""What ``manage.py check`` says about the settings of signed tokens, besides that each is of its type."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.core import checks

from hub.access.signed_tokens.keys import NotAKey, keys_in
from hub.config import HubSettings, hub_settings
from hub.users import is_own_model

#: What begins a key in PEM, whatever it holds.
_PEM = "-----BEGIN "


@checks.register
def keys_of_signed_tokens_work(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """The keys can be read and are public ones, and tokens of strangers are kept out."""
    settings = hub_settings()
    return [*_of_secrets(settings), *_of_public_keys(settings), *_of_names(settings), *_of_people(settings)]


def _of_secrets(settings: HubSettings) -> Iterator[checks.CheckMessage]:
    if any(_PEM in secret for secret in settings.token_secret):
        yield checks.Error(
            "HUB_TOKEN_SECRET holds a key in PEM: whoever knows a public key could sign with it.",
            hint="Give the public key in HUB_TOKEN_PUBLIC_KEY, and leave HUB_TOKEN_SECRET out.",
            id="hub.E050",
        )


def _of_public_keys(settings: HubSettings) -> Iterator[checks.CheckMessage]:
    try:
        keys_in(settings.token_public_key)
    except NotAKey as fault:
        yield checks.Error(
            f"HUB_TOKEN_PUBLIC_KEY (or HUB_TOKEN_PUBLIC_KEY_FILE) {fault}.",
            hint="Until then no signed token is taken. docs/howto/sign-tokens.md makes a pair of keys.",
            id="hub.E051",
        )


def _of_names(settings: HubSettings) -> Iterator[checks.CheckMessage]:
    if settings.token_jwks_url and not settings.token_audience:
        yield checks.Warning(
            "HUB_TOKEN_JWKS_URL is set and HUB_TOKEN_AUDIENCE is not: a token that the provider signs for another "
            "program logs in here.",
            hint="Name in HUB_TOKEN_AUDIENCE what the provider writes into aud for this hub.",
            id="hub.W050",
        )
    if (settings.token_issuer or settings.token_audience) and not _has_keys(settings):
        yield checks.Warning(
            "HUB_TOKEN_ISSUER or HUB_TOKEN_AUDIENCE is set, and no key: no signed token is taken.",
            hint="Set HUB_TOKEN_SECRET, HUB_TOKEN_PUBLIC_KEY or HUB_TOKEN_JWKS_URL.",
            id="hub.W051",
        )


def _of_people(settings: HubSettings) -> Iterator[checks.CheckMessage]:
    if not settings.token_creates_users:
        return
    if not is_own_model():
        yield checks.Error(
            "HUB_TOKEN_CREATES_USERS is set, and the user model is the project's own: the hub makes nobody there.",
            hint="Leave it out. The project makes its people, and tokens name them.",
            id="hub.E052",
        )
    elif settings.user_id:
        yield checks.Error(
            "HUB_TOKEN_CREATES_USERS is set, and HUB_USER_ID too: a token names people by external_id alone.",
            hint="Leave HUB_USER_ID out.",
            id="hub.E053",
        )
    if not _has_keys(settings):
        yield checks.Error(
            "HUB_TOKEN_CREATES_USERS is set, and no key: no signed token is taken.",
            hint="Set HUB_TOKEN_SECRET, HUB_TOKEN_PUBLIC_KEY or HUB_TOKEN_JWKS_URL.",
            id="hub.E054",
        )


def _has_keys(settings: HubSettings) -> bool:
    return bool(settings.token_secret or settings.token_public_key or settings.token_jwks_url)
