"""What is not done for somebody: one fact with its words and codes, whatever endpoint tells them."""

from django.utils.functional import Promise


class Refused(Exception):
    """What a client asks for is not done: it is told why, and stays connected.

    A subclass is a fact and sets its codes once. Simple endpoints send ``word`` and ``sentence``, the client
    connection and JSON over HTTP send ``code`` and ``sentence``.

    Args:
        word: a stable word for programs, such as ``login_required``.
        code: 400 to 1999; below 600 it is the HTTP status as well.
        sentence: for people; translated when it is sent.
        retry_after: seconds before which the same is refused again; 0 where waiting does not help.
        temporary: whether the client may try again by itself.
    """

    word = "refused"
    code = 400
    sentence: str | Promise = ""
    retry_after = 0
    temporary = False

    def __init__(
        self,
        sentence: str | Promise | None = None,
        *,
        word: str | None = None,
        code: int | None = None,
        retry_after: int = 0,
        temporary: bool = False,
    ) -> None:
        super().__init__()
        if sentence is not None:
            self.sentence = sentence
        if word is not None:
            self.word = word
        if code is not None:
            self.code = code
        if retry_after:
            self.retry_after = retry_after
        if temporary:
            self.temporary = temporary

    def __str__(self) -> str:
        return str(self.sentence)
