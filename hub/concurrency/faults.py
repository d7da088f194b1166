"""Whose an error is: that of one input, which harms nobody else, or everybody's, where a part is away."""

from typing import Any

from django.db import DataError, InterfaceError, OperationalError

#: What is raised where the database, Redis or the network does not answer. Trying each of many inputs by itself would
#: only add to the load.
_AWAY = (OperationalError, InterfaceError, OSError)


#: PostgreSQL's classes of errors that Django counts as ``OperationalError`` although one input causes them: a limit of
#: the program that it passes, such as a value too long for an index, and a row that somebody else holds
#: (PostgreSQL's manual, appendix A).
_OF_ONE_INPUT = ("54", "55")


def is_everybodys(error: BaseException) -> bool:
    """Whether another input would have failed in the same way: the database or the network is away."""
    state = getattr(error.__cause__, "sqlstate", None) or ""
    return isinstance(error, _AWAY) and not is_too_big(error) and not state.startswith(_OF_ONE_INPUT)


def is_conflict(error: BaseException) -> bool:
    """Whether the database ended a transaction because of another one, as in a deadlock: a later one may succeed."""
    return (getattr(error.__cause__, "sqlstate", None) or "").startswith("40")


def described(error: BaseException) -> dict[str, Any]:
    """What a log line says of an error: its type and, where that does not explain it, its traceback.

    A database that is away, and a value that no database takes, are explained by their type, and may come a thousand
    times a second.
    """
    explained = is_everybodys(error) or is_too_big(error)
    return {"error": type(error).__name__} | ({} if explained else {"exc_info": error})


def is_too_big(error: BaseException) -> bool:
    """Whether the database cannot hold a value that it was given or asked for, or will not look for it.

    SQLite raises an error of Python's for a number, and one as if it were away for a long text to search for.
    """
    return (
        isinstance(error, DataError)
        or (isinstance(error, OverflowError) and "SQLite INTEGER" in str(error))
        or (isinstance(error, OperationalError) and "pattern too complex" in str(error))
    )
