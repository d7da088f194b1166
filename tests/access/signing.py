"""Programs that sign tokens with keys of their own, and a provider that publishes its keys."""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

#: A type of key, by the first algorithm that it signs with.
TYPES = ("RS256", "ES256", "ES384", "ES512", "EdDSA")

_CURVES: dict[str, Any] = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1}


class Signer:
    """A program with a private key."""

    def __init__(self, private: Any, algorithm: str) -> None:
        self.private = private
        self.algorithm = algorithm

    @property
    def private_pem(self) -> str:
        return self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()  # type: ignore[no-any-return]  # any kind of key

    @property
    def pem(self) -> str:
        """The public key."""
        return self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()  # type: ignore[no-any-return]  # as above

    def jwk(self, **about: Any) -> dict[str, Any]:
        """The public key for a set of keys."""
        kinds: dict[str, Any] = {"R": RSAAlgorithm, "ES": ECAlgorithm, "Ed": OKPAlgorithm}
        kind = next(kind for begin, kind in kinds.items() if self.algorithm.startswith(begin))
        said = {**kind.to_jwk(self.private.public_key(), as_dict=True), "use": "sig", **about}
        said.pop("key_ops", None)
        return {name: value for name, value in said.items() if value is not None}

    def token(
        self, *, kid: str = "", algorithm: str = "", headers: dict[str, Any] | None = None, **claims: Any
    ) -> str:
        """A token of an hour; a claim that is None is left out."""
        said = {"sub": "1", "iat": int(time.time()), "exp": int(time.time()) + 3600, **claims}
        return jwt.encode(
            {name: value for name, value in said.items() if value is not None},
            self.private,
            algorithm=algorithm or self.algorithm,
            headers={**({"kid": kid} if kid else {}), **(headers or {})},
        )


@cache
def signer(algorithm: str = "ES256", name: str = "") -> Signer:
    """The program of this name whose key signs with ``algorithm``; making an RSA key takes a while."""
    if algorithm == "RS256":
        return Signer(rsa.generate_private_key(65537, 2048), algorithm)
    if algorithm == "EdDSA":
        return Signer(ed25519.Ed25519PrivateKey.generate(), algorithm)
    return Signer(ec.generate_private_key(_CURVES[algorithm]()), algorithm)


class Provider:
    """A server that publishes keys, and counts who asks for them."""

    def __init__(self) -> None:
        self.status = 200
        self.body = b""
        self.asked = 0
        #: Seconds between two bytes of the answer.
        self.drip = 0.0
        #: While it is not set, no request is answered.
        self.answers = threading.Event()
        self.answers.set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}/jwks.json"

    def publish(self, *keys: dict[str, Any]) -> None:
        """From now on these keys are there, and no others."""
        self.body = json.dumps({"keys": keys}).encode()

    @contextlib.contextmanager
    def running(self) -> Iterator["Provider"]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.answers.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.asked += 1
                provider.answers.wait(30)
                body, drip = provider.body, provider.drip
                with contextlib.suppress(OSError):
                    self.send_response(provider.status)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    for start in range(0, len(body), 1 if drip else max(1, len(body))):
                        self.wfile.write(body[start : start + 1] if drip else body)
                        if drip:
                            time.sleep(drip)

            def log_message(self, *args: Any) -> None:
                """Not to the output of the tests."""

        return Handler
