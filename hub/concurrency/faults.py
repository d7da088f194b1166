"""Whose an error is: that of one input, which harms nobody else, or everybody's, where a part is away."""

import sqlite3
from typing import Any

from django.db import DataError, InterfaceError, OperationalError

#: What is raised where the database, Redis or the network does not answer. Trying each of many inputs by itself would
#: only add to the load.
_AWAY = (OperationalError, InterfaceError, OSError)


#: PostgreSQL's classes of errors that Django counts as ``OperationalError`` although one input causes them: a limit of
#: the program that it passes, such as a value too long for an index, and a row that somebody else holds
#: (PostgreSQL's manual, appendix A).
_OF_ONE_INPUT = ("54", "55")


#: Its classes of errors after which a connection is over, so that nobody has the answer to a commit.
_CONNECTION_LOST = ("08", "57P")


def is_everybodys(error: BaseException) -> bool:
    """Whether another input would have failed in the same way: the database or the network is away."""
    state = getattr(error.__cause__, "sqlstate", None) or ""
    return isinstance(error, _AWAY) and not is_too_big(error) and not state.startswith(_OF_ONE_INPUT)


def is_conflict(error: BaseException) -> bool:
    """Whether the database ended a transaction because of another one, as in a deadlock: a later one may succeed."""
    return (getattr(error.__cause__, "sqlstate", None) or "").startswith("40")


def may_be_done(error: BaseException) -> bool:
    """Whether what failed with ``error`` may have been done all the same: nobody could say how it ended.

    Such as a commit whose connection broke, and work that others gave up to wait for. A database that answers with an
    error has changed nothing.
    """
    if not is_everybodys(error):
        return False
    cause = error.__cause__
    if isinstance(cause, sqlite3.Error):
        # Python's own errors, such as of a text that is no UTF-8, have no name.
        name: str = getattr(cause, "sqlite_errorname", "")
        return name.startswith("SQLITE_IOERR")
    state = getattr(cause, "sqlstate", None) or ""
    return not state or state.startswith(_CONNECTION_LOST)


def described(error: BaseException) -> dict[str, Any]:
    """What a log line says of an error: its type and, where that does not explain it, its traceback.

    A database that is away, and a value that no database takes, are explained by their type, and may come a thousand
    times a second.
    """
    explained = is_everybodys(error) or is_too_big(error)
    return {"error": type(error).__name__} | ({} if explained else {"exc_info": error})


def cause(error: BaseException) -> str:
    """What tells failures apart in a log: the type of the error, and where it was raised."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    where = f"{traceback.tb_frame.f_code.co_filename}:{traceback.tb_lineno}" if traceback is not None else ""
    return f"{type(error).__name__} {where}"


def is_too_big(error: BaseException) -> bool:
    """Whether the database cannot hold a value that it was given or asked for, or will not look for it.

    SQLite raises an error of Python's for a number, and one as if it were away for a long text to search for.
    """
    return (
        isinstance(error, DataError)
        or (isinstance(error, OverflowError) and "SQLite INTEGER" in str(error))
        or (isinstance(error, OperationalError) and "pattern too complex" in str(error))
    )
