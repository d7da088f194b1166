"""The keys that verify signed tokens, and the algorithms of each: these follow from the key, not from the token.

A secret verifies HMAC only, and a public key never does: a token that is "signed" with the text of a public key, or
not at all, has no key that verifies it.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import jwt
import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from msgspec import UNSET, UnsetType

from hub.config import HubSettings

#: What a secret verifies.
SECRET_ALGORITHMS = ("HS256", "HS384", "HS512")

#: What an RSA key verifies, and the sizes in bits that are neither weak nor slow.
RSA_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
RSA_BITS = range(2048, 4096 + 1)

#: What a key on each curve verifies.
CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}

#: All that a token may be signed with.
ALL_ALGORITHMS = (*SECRET_ALGORITHMS, *RSA_ALGORITHMS, *CURVES.values(), "EdDSA")

#: Keys of one set, at most.
KEYS_LIMIT = 100

#: Characters of the name of a key.
NAME_LIMIT = 256

_NONE = "has no key that the hub can use"

_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,40})-----[A-Za-z0-9+/=\s]{1,20000}-----END \1-----", re.ASCII)


class NotAKey(ValueError):
    """The text holds no key that the hub can use. What it says is why, as the end of a sentence, without the key."""


@dataclass(frozen=True, slots=True, eq=False)
class SigningKey:
    """A key, equal to itself only.

    Args:
        material: as PyJWT takes it.
        algorithms: the only ones that it verifies.
        kid: its name in a set of keys; empty for a key without one, which verifies tokens that name any key.
    """

    material: Any = field(repr=False)
    algorithms: tuple[str, ...]
    kid: str = ""


def configured(settings: HubSettings) -> tuple[SigningKey, ...]:
    """The keys that stand in the settings themselves. Raises :class:`NotAKey`."""
    return _of_secrets(tuple(settings.token_secret)) + keys_in(settings.token_public_key)


@lru_cache(maxsize=8)
def _of_secrets(secrets: tuple[str, ...]) -> tuple[SigningKey, ...]:
    return tuple(SigningKey(secret, SECRET_ALGORITHMS) for secret in secrets)


@lru_cache(maxsize=8)
def keys_in(text: str) -> tuple[SigningKey, ...]:
    """The public keys in ``text``: one or more in PEM, or a JWKS; none where it is empty.

    Raises:
        NotAKey: it is something else, or one of the keys cannot be used.
    """
    text = text.strip()
    if not text:
        return ()
    if text.startswith("{"):
        return _strictly(_set_in(text.encode()))
    if "\n" not in text:
        text = text.replace("\\n", "\n")  # files of variables have one line for each
    blocks = list(_PEM.finditer(text))
    if not blocks or _PEM.sub("", text).strip():
        raise NotAKey(
            "is neither a public key in PEM, which begins with -----BEGIN PUBLIC KEY-----, nor a JWKS, which is JSON"
        )
    return tuple(_key_in_pem(block[1], block[0]) for block in blocks)


def keys_in_set(body: bytes) -> tuple[SigningKey, ...]:
    """The keys in a JWKS that the hub can use; a set may have others, such as for encryption.

    Raises:
        NotAKey: it is no JWKS, or has none.
    """
    found = tuple(key for one in _set_in(body) if isinstance(key := _key_or_fault(one), SigningKey))
    if not found:
        raise NotAKey(_NONE)
    return found


class _Jwk(msgspec.Struct):
    """A key of a JWKS. What else stands there, such as the address of a certificate, is not looked at."""

    kty: str
    kid: str = ""
    use: str = "sig"
    alg: str = ""
    key_ops: list[str] | UnsetType = UNSET
    crv: str = ""
    n: str = ""
    e: str = ""
    x: str = ""
    y: str = ""
    d: str = ""
    k: str = ""


#: What reads a key of each type.
_READERS: dict[str, Any] = {"RSA": RSAAlgorithm, "EC": ECAlgorithm, "OKP": OKPAlgorithm}


class _Jwks(msgspec.Struct):
    keys: list[msgspec.Raw]


def _set_in(body: bytes) -> Iterator[_Jwk | NotAKey]:
    try:
        found = msgspec.json.decode(body, type=_Jwks).keys
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise NotAKey('is no JWKS, which is JSON like {"keys": [...]}') from None
    if len(found) > KEYS_LIMIT:
        raise NotAKey(f"has more than {KEYS_LIMIT} keys")
    for one in found:
        try:
            yield msgspec.json.decode(one, type=_Jwk)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            yield NotAKey("has a key that is no JWK")


def _strictly(keys: Iterable[_Jwk | NotAKey]) -> tuple[SigningKey, ...]:
    """The keys that are for signatures: a key that somebody put into the settings has to work."""
    found = []
    for one in keys:
        if isinstance(one, _Jwk) and not _is_for_signatures(one):
            continue
        key = _key_or_fault(one)
        if isinstance(key, NotAKey):
            raise key
        found.append(key)
    if not found:
        raise NotAKey(_NONE)
    return tuple(found)


def _is_for_signatures(jwk: _Jwk) -> bool:
    return jwk.use == "sig" and (jwk.key_ops is UNSET or "verify" in jwk.key_ops)


def _key_or_fault(jwk: _Jwk | NotAKey) -> SigningKey | NotAKey:
    if isinstance(jwk, NotAKey):
        return jwk
    if not _is_for_signatures(jwk):
        return NotAKey("has a key that is not for signatures")
    if jwk.d or jwk.k:
        return NotAKey("has a private or secret key, which belongs to the program that signs: give the public ones")
    if len(jwk.kid) > NAME_LIMIT:
        return NotAKey(f"has a key whose kid is longer than {NAME_LIMIT} characters")
    if jwk.kty not in _READERS:
        return NotAKey("has a key of a type that the hub does not know")
    said = {name: value for name in ("kty", "crv", "n", "e", "x", "y") if (value := getattr(jwk, name))}
    try:
        key = _of_public(_READERS[jwk.kty].from_jwk(said), jwk.kid)
    except NotAKey as fault:
        return fault
    except (jwt.PyJWTError, ValueError, TypeError, UnsupportedAlgorithm):
        return NotAKey("has a key that cannot be read")
    if jwk.alg and jwk.alg not in key.algorithms:
        return NotAKey("has a key whose alg is not one that it can verify")
    return SigningKey(key.material, (jwk.alg,), key.kid) if jwk.alg else key


def _key_in_pem(label: str, pem: str) -> SigningKey:
    if "PRIVATE" in label:
        raise NotAKey(
            "holds a private key, which belongs to the program that signs: give the public one, which "
            "openssl pkey -in private.pem -pubout writes"
        )
    if "CERTIFICATE" in label:
        raise NotAKey(
            "holds a certificate: give its public key, which openssl x509 -in certificate.pem -noout -pubkey writes"
        )
    try:
        material = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise NotAKey("holds a PEM that cannot be read: it may have been cut or wrapped") from None
    return _of_public(material, "")


def _of_public(material: Any, kid: str) -> SigningKey:
    if isinstance(material, RSAPublicKey):
        if material.key_size not in RSA_BITS:
            raise NotAKey(f"has an RSA key of {material.key_size} bits: it must have {RSA_BITS[0]} to {RSA_BITS[-1]}")
        return SigningKey(material, RSA_ALGORITHMS, kid)
    if isinstance(material, EllipticCurvePublicKey) and material.curve.name in CURVES:
        return SigningKey(material, (CURVES[material.curve.name],), kid)
    if isinstance(material, Ed25519PublicKey):
        return SigningKey(material, ("EdDSA",), kid)
    raise NotAKey("has a key of another type than RSA, EC (P-256, P-384, P-521) and Ed25519")
