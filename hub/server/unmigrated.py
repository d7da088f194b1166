"""Says at the start of a web process that tables are missing: without them each look of the hub fails."""

import sys
import threading

from django.db import DatabaseError, InterfaceError, connections, router
from django.db.migrations.exceptions import (
    BadMigrationError,
    CircularDependencyError,
    InconsistentMigrationHistory,
    NodeNotFoundError,
)
from django.db.migrations.executor import MigrationExecutor

from hub.models import Stream

#: What is wrong with the files or the history of migrations, where Django looks at them.
_ASTRAY = (BadMigrationError, CircularDependencyError, InconsistentMigrationHistory, NodeNotFoundError)


def say_what_is_missing() -> None:
    """Print, soon and beside the start, which apps wait for ``migrate``; nothing where all have what they need.

    A database that does not answer holds nothing up: what looks at it says so later. Migrations that do not fit
    together are said too.
    """
    threading.Thread(target=_say, name="unmigrated", daemon=True).start()


def _say() -> None:
    connection = connections[router.db_for_write(Stream)]
    try:
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        executor.loader.check_consistent_history(connection)
    except (DatabaseError, InterfaceError):
        return
    except _ASTRAY as error:
        _print(f"Migrations do not fit together: {error} See python manage.py showmigrations.")
        return
    finally:
        connection.close()
    if waiting := sorted({migration.app_label for migration, _ in plan}):
        _print(f"The database lacks what the migrations of {', '.join(waiting)} make. Run python manage.py migrate.")


def _print(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)  # noqa: T201  # a command
