"""Says at the start of a web process that tables are missing: without them each look of the hub fails."""

import sys
import threading

from django.db import DatabaseError, connections, router
from django.db.migrations.executor import MigrationExecutor

from hub.models import Stream


def say_what_is_missing() -> None:
    """Print, soon and beside the start, which apps wait for ``migrate``; nothing where all have what they need.

    A database that does not answer holds nothing up: what looks at it says so later.
    """
    threading.Thread(target=_say, name="unmigrated", daemon=True).start()


def _say() -> None:
    connection = connections[router.db_for_write(Stream)]
    try:
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return
    finally:
        connection.close()
    if waiting := sorted({migration.app_label for migration, _ in plan}):
        print(  # noqa: T201  # a command
            f"The database lacks what the migrations of {', '.join(waiting)} make. Run python manage.py migrate.",
            file=sys.stderr,
            flush=True,
        )
