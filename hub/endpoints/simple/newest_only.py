"""Simple endpoints whose clients need only the newest frame of a kind, such as a number that changes."""

from hub.endpoints.simple.endpoint import SimpleEndpoint
from hub.fanout.frames import FrameBatch


class NewestOnly(SimpleEndpoint):
    """Of the frames that :meth:`replaces` names, the newest is written, and only if the last one was another."""

    _last: str | None = None

    @staticmethod
    def replaces(frame: str) -> bool:
        """Whether ``frame`` replaces all earlier ones of its kind."""
        raise NotImplementedError

    @property
    def raw(self) -> None:
        """None: each frame passes :meth:`write`."""

    def write(self, batch: FrameBatch) -> None:
        """As :class:`SimpleEndpoint`, without what the client has or need not have."""
        newest = next((text for text in reversed(batch.texts) if self.replaces(text)), None)
        texts = [text for text in batch.texts if not self.replaces(text)]
        if newest is not None and newest != self._last:
            self._last = newest
            texts.append(newest)
        if texts:
            super().write(batch if len(texts) == len(batch.texts) else FrameBatch(texts))
