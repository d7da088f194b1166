"""The hub's Redis when ``up`` runs: the one of ``REDIS_URL``, else one that is started for it."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from hub.bus import redis_errors
from hub.config import UnusableEnvironment
from hub.config.paths import private_redis_socket, refuse_open
from hub.supervisor import redis_server
from hub.supervisor.part import Part

#: Seconds a Redis of ``REDIS_URL`` may take to answer.
ANSWER_TIMEOUT = 3.0


class RedisDoesNotAnswer(Exception):
    """Nothing that the hub can use answers at an address; the text says why, without the address."""


async def ping(url: str) -> None:
    """Return when the Redis at ``url`` answers; raises ``RedisDoesNotAnswer`` within ``ANSWER_TIMEOUT``."""
    try:
        client = redis.asyncio.from_url(url, retry=Retry(NoBackoff(), 0), decode_responses=True)
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT):
                await client.ping()
                role = await _role(client)
        finally:
            await client.aclose()
    except (redis.RedisError, OSError, ValueError) as error:
        raise RedisDoesNotAnswer(redis_errors.reason(error)) from error
    if role == "sentinel":
        raise RedisDoesNotAnswer("this is Redis Sentinel, not a Redis: name the Redis itself")
    if role == "slave":
        raise RedisDoesNotAnswer("this is a replica, to which nothing can be written: name its primary")


async def _role(client: "redis.asyncio.Redis") -> str:
    """What it is: ``master``, ``slave`` or ``sentinel``; empty where its user may not ask."""
    try:
        return str((await client.execute_command("ROLE"))[0])  # type: ignore[no-untyped-call]  # redis-py
    except redis.ResponseError:
        return ""


async def check_external(url: str) -> None:
    """Raises ``UnusableEnvironment`` where the Redis of ``REDIS_URL`` does not answer; the text has no password."""
    try:
        await ping(url)
    except RedisDoesNotAnswer as error:
        raise UnusableEnvironment(
            f"Redis at {_without_password(url)} cannot be used ({error}): start it, correct REDIS_URL, "
            "or unset it to let the hub start a Redis of its own."
        ) from error


async def prepare(folder: Path, variables: dict[str, str]) -> Part:
    """The private Redis as a part, its folders made and what a killed one left removed.

    Raises ``UnusableEnvironment`` where there is no binary, or where a Redis that is not ours listens in its place.
    """
    try:
        binary = redis_server.find_binary()
    except redis_server.NoRedisFound as error:
        raise UnusableEnvironment(str(error)) from error
    data = folder / "redis"
    data.mkdir(exist_ok=True)
    socket = private_redis_socket(folder)
    _make_private(socket.parent, ours=folder)
    if socket.exists():
        try:
            await ping(f"unix://{socket}")
        except RedisDoesNotAnswer:
            socket.unlink(missing_ok=True)
        else:
            raise UnusableEnvironment(
                f"A Redis that this command did not start listens at {socket}: stop it, or set REDIS_URL."
            )
    command = redis_server.command(binary, socket, data, persistent=True)
    return Part(name="redis", command=command, environment=variables)


def remove_socket(folder: Path) -> None:
    """Remove what a private Redis that was killed left of its socket."""
    socket = private_redis_socket(folder)
    socket.unlink(missing_ok=True)
    if socket.parent != folder and socket.parent.exists():
        socket.parent.rmdir()


def _make_private(parent: Path, *, ours: Path) -> None:
    if parent == ours:
        return
    parent.mkdir(mode=0o700, exist_ok=True)
    refuse_open(parent)  # once more: somebody may have been faster


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    try:
        where = f"{parts.hostname or 'localhost'}:{parts.port or 6379}"
    except ValueError:
        where = parts.hostname or "localhost"
    return parts.path if parts.scheme == "unix" else where
