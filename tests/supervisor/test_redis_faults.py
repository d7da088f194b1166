"""Why a Redis cannot be used is said: its certificate, its user's rights, a Sentinel, a replica."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import redis

from hub.config import UnusableEnvironment, read_environment
from hub.supervisor.private_redis import RedisDoesNotAnswer, check_external, ping
from tests.support.own_redis import own_redis


async def said_of(url: str) -> str:
    with pytest.raises(RedisDoesNotAnswer) as caught:
        await ping(url)
    return str(caught.value)


@pytest.fixture
async def tls(tmp_path: Path) -> AsyncIterator[int]:
    """The port of a server whose certificate nobody has signed but itself."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=redis"]
    subprocess.run([*made, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.slow
async def test_certificate_that_does_not_verify(tls: int) -> None:
    said = await said_of(f"rediss://:canary@127.0.0.1:{tls}/0")
    assert said.startswith("its TLS certificate does not verify: ")
    assert "self" in said
    with pytest.raises(UnusableEnvironment) as caught:
        await check_external(f"rediss://:canary@127.0.0.1:{tls}/0")
    assert "certificate does not verify" in str(caught.value) and "canary" not in str(caught.value)


async def test_tls_where_something_else_is_spoken() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"-ERR what?\r\n")
        writer.close()

    plain = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with plain:
        assert "TLS does not come about" in await said_of(f"rediss://127.0.0.1:{plain.sockets[0].getsockname()[1]}/0")


@pytest.mark.slow
async def test_password_that_is_wrong(tmp_path: Path) -> None:
    with own_redis(tmp_path, "--requirepass", "right") as port:
        for url in (f"redis://:wrong@127.0.0.1:{port}/0", f"redis://127.0.0.1:{port}/0"):
            assert await said_of(url) == "it refuses the password or asks for one"
        await ping(f"redis://:right@127.0.0.1:{port}/0")


async def test_user_without_rights(tmp_path: Path) -> None:
    with own_redis(tmp_path) as port, redis.Redis(port=port) as admin:
        admin.execute_command("ACL", "SETUSER", "hub", "on", ">secret", "~*", "&*", "+@all", "-ping")
        assert "lacks a right" in await said_of(f"redis://hub:secret@127.0.0.1:{port}/0")
        admin.execute_command("ACL", "SETUSER", "hub", "+ping", "-role")
        await ping(f"redis://hub:secret@127.0.0.1:{port}/0")


async def test_sentinel(tmp_path: Path) -> None:
    config = tmp_path / "sentinel.conf"
    config.touch()
    with own_redis(tmp_path, str(config), "--sentinel") as port:
        assert "Sentinel" in await said_of(f"redis://127.0.0.1:{port}/0")


async def test_replica(tmp_path: Path) -> None:
    with own_redis(tmp_path, "--replicaof", "127.0.0.1", "1") as port:
        assert "replica" in await said_of(f"redis://127.0.0.1:{port}/0")


@pytest.mark.parametrize("scheme", ["sentinel", "redis+sentinel", "rediss+sentinel", "redis-sentinel"])
def test_address_of_a_sentinel(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    monkeypatch.setenv("REDIS_URL", f"{scheme}://:canary@sentinel.internal:26379/mymaster/0")
    with pytest.raises(UnusableEnvironment, match="Sentinel") as caught:
        read_environment()
    assert "canary" not in str(caught.value)
