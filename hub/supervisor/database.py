"""What the database needs before the parts start: its tables, and someone who may enter the admin."""

import io
import secrets
from dataclasses import dataclass, field

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import DatabaseError, connection, connections
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import IntegrityError

from hub.config import UnusableEnvironment, hub_settings, misspelt, production_checks
from hub.database import heartbeats
from hub.supervisor.workers import workers
from hub.users import is_own_model, log_in_field

ADMINISTRATOR = "admin"

#: A migration that there was while the hub was developed only: its tables had other names then.
BEFORE_RELEASE = ("hub", "0002_lease")

#: The first migration of the hub, and that of its own user model: while the hub was developed, people were Django's.
FIRST, WITH_PEOPLE = ("hub", "0001_initial"), ("hub_people", "0001_initial")


@dataclass(slots=True)
class Prepared:
    """What was done: lines to show, and the password of an administrator that was made up, if any."""

    lines: list[str] = field(default_factory=list)
    password: str | None = field(default=None, repr=False)


def prepare() -> Prepared:
    """Migrate, make the first administrator, and forget the heartbeats of this host's parts.

    Says as well which variables were probably misspelt. Blocks. Raises ``UnusableEnvironment`` where the database
    cannot be used; nothing of an address is in the text.
    """
    done = Prepared(lines=misspelt.sentences())
    try:
        connection.ensure_connection()
        _migrate(done)
        _seed_administrator(done)
        heartbeats.forget(own_parts())
    except DatabaseError as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise UnusableEnvironment(
            f"The database cannot be used ({reason[0]}): start it, correct DATABASE_URL, or unset it to use SQLite."
        ) from error
    finally:
        connections.close_all()
    return done


def own_parts() -> list[str]:
    """The parts of this host whose heartbeats a start waits for."""
    return [heartbeats.here(part) for part in (*(worker.name for worker in workers()), heartbeats.BEAT)]


def missing_parts() -> list[str]:
    """Those of ``own_parts()`` that have shown no heartbeat. Blocks."""
    try:
        return sorted(set(own_parts()) - heartbeats.fresh(own_parts()))
    except DatabaseError:
        return own_parts()
    finally:
        connections.close_all()


def _migrate(done: Prepared) -> None:
    executor = MigrationExecutor(connection)
    applied = executor.loader.applied_migrations
    if BEFORE_RELEASE in applied or (is_own_model() and FIRST in applied and WITH_PEOPLE not in applied):
        raise UnusableEnvironment(
            "The database was made by the hub before its first release, with tables of other names: name an empty one "
            "in DATABASE_URL, or remove hub.sqlite3 from the data folder."
        )
    # The command also looks through all models for permissions to make, which takes longer than the rest of a start.
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        text = io.StringIO()
        call_command("migrate", interactive=False, stdout=text, no_color=True)
        done.lines += [line.strip() for line in text.getvalue().splitlines() if line.strip().startswith("Applying")]


def _seed_administrator(done: Prepared) -> None:
    users = get_user_model()._default_manager
    if log_in_field() != "username":
        return  # the people of a project with another user model come from the project
    if users.filter(is_superuser=True).exists():
        return
    given = hub_settings().admin_password
    danger = production_checks.weak_admin_password(given) if given and hub_settings().env == "production" else None
    if danger and danger.name not in hub_settings().allow_unsafe:
        raise UnusableEnvironment(danger.refusal)
    password = given or secrets.token_urlsafe(12)
    try:
        users.create_superuser(ADMINISTRATOR, "", password)
    except IntegrityError:
        done.lines.append(
            f"Nobody is an administrator, and {ADMINISTRATOR!r} is a user: run manage.py createsuperuser."
        )
        return
    if given:
        done.lines.append(f"The administrator {ADMINISTRATOR!r} was made, with the password of HUB_ADMIN_PASSWORD.")
    else:
        done.password = password
