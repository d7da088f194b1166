"""The lifespan of the hub and that of the project's ASGI application, which the server starts and ends together."""

import asyncio
from typing import Any

from hub import lifespan
from hub.endpoints.cors import Application

_COMPLETE = {"lifespan.startup": "lifespan.startup.complete", "lifespan.shutdown": "lifespan.shutdown.complete"}


def joined(project: Application) -> Application:
    """An ASGI application for the ``lifespan`` scope: ``project`` starts before the hub does, and ends after it.

    An application without a lifespan, such as Django's, raises, and is left alone from then on.
    """

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        theirs = _Lifespan(project, scope)
        try:
            started = await theirs.answer(await receive())
            if started["type"] == "lifespan.startup.failed":
                await send(started)
                return
            lifespan.start()
            await send(started)
            event = await receive()
            await lifespan.stop()
            await send(await theirs.answer(event))
        finally:
            theirs.end()

    return application


class _Lifespan:
    """The lifespan of one application, which runs beside that of the hub and is asked event by event."""

    def __init__(self, application: Application, scope: dict[str, Any]) -> None:
        self._events: asyncio.Queue[Any] = asyncio.Queue()
        self._answers: asyncio.Queue[Any] = asyncio.Queue()
        self._run = asyncio.ensure_future(application(scope, self._events.get, self._answers.put))

    async def answer(self, event: dict[str, Any]) -> dict[str, Any]:
        """What the application says to ``event``; that it is complete where the application has ended without a word.

        An exception is no word: that is how an application says that it knows no lifespan.
        """
        self._events.put_nowait(event)
        asked = asyncio.ensure_future(self._answers.get())
        await asyncio.wait({asked, self._run}, return_when=asyncio.FIRST_COMPLETED)
        if asked.done():
            found: dict[str, Any] = asked.result()
            return found
        asked.cancel()
        return {"type": _COMPLETE[event["type"]]}

    def end(self) -> None:
        """Leave nothing of it behind."""
        self._run.cancel()
        if self._run.done() and not self._run.cancelled():
            self._run.exception()  # looked at, so that nobody is told that it never was
