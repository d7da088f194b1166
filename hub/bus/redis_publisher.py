"""PUBLISH to one Redis over one connection, without redis-py's ceremony: it costs as much again as the round trip."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

import hiredis
from channels_redis.utils import create_pool
from redis.exceptions import ConnectionError as NotConnected
from redis.exceptions import RedisError, ResponseError

#: Bytes read at once.
CHUNK = 65536


class Publisher:
    """Publishes in the order of the calls. Lives on one event loop; connects when first needed, and again.

    Connecting, with TLS, authentication and Sentinel, is redis-py's; only what is sent and read then is not.

    Args:
        host: as channels-redis has it in ``hosts``.
    """

    def __init__(self, host: Mapping[str, Any]) -> None:
        self._host = {**host, "protocol": 2}
        self._connection: Any = None
        self._turn = asyncio.Lock()

    async def publish(self, messages: Sequence[tuple[str, bytes]]) -> int:
        """Publish each ``(name, data)``, in one round trip; returns how many connections of Redis received one.

        Where this raises, some of them may have left.

        A connection that turns out to be closed is replaced once, so what was sent over it may be sent twice.

        Raises:
            OSError, redis.exceptions.RedisError: Redis is away, or refuses.
        """
        commands = b"".join(_packed("PUBLISH", name, data) for name, data in messages)
        return sum(await self._answers(commands, len(messages)))

    async def ask(self, *words: Any) -> Any:
        """The answer to one command. Raises as :meth:`publish`."""
        (answer,) = await self._answers(_packed(*words), 1)
        return answer

    async def close(self) -> None:
        """Disconnect. May be repeated, and publishing connects again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(OSError, RedisError):
                await connection.disconnect(nowait=True)

    async def _answers(self, commands: bytes, count: int) -> list[Any]:
        async with self._turn:
            was_open = self._connection is not None
            try:
                return await self._exchange(commands, count)
            except (OSError, NotConnected):
                if not was_open:
                    raise
                return await self._exchange(commands, count)

    async def _exchange(self, commands: bytes, count: int) -> list[Any]:
        """Send ``commands`` and read as many answers as ``count``.

        Where that fails, the connection is given up.
        """
        try:
            if self._connection is None:
                # Kept before it is connected, so that one whose connecting is cancelled is closed as well.
                self._connection = create_pool(self._host).make_connection()
                await self._connection.connect()
            self._connection._writer.write(commands)
            return await _read(self._connection._reader, count)
        except BaseException:
            # Answers that nobody has read would be taken for those of the next commands.
            await self.close()
            raise


def _packed(*words: Any) -> bytes:
    command: bytes = hiredis.pack_command(words)
    return command


async def _read(reader: asyncio.StreamReader, count: int) -> list[Any]:
    answers: list[Any] = []
    replies = hiredis.Reader(notEnoughData=None)
    while len(answers) < count:
        data = await reader.read(CHUNK)
        if not data:
            raise NotConnected("Redis has closed the connection")
        replies.feed(data)
        while (reply := replies.gets()) is not None:
            if isinstance(reply, hiredis.HiredisError):
                raise ResponseError(str(reply))
            answers.append(reply)
    return answers
