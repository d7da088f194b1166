"""Fields of models."""

from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

if TYPE_CHECKING:
    Base = models.CharField[str, str]
else:
    Base = models.CharField  # which is no generic class when it runs


class NameField(Base):
    """Text that a program has made or checked, such as the name of a channel; looked up whole, sorted by its bytes.

    On PostgreSQL the column has the collation ``C``. Comparing is cheaper than by the rules of a language, sorts as
    Python and SQLite do, and the indexes stay right when the system gets another version of those rules. And it has no
    second index for ``LIKE``, which each ``INSERT``, and each ``UPDATE`` of an indexed column, would have to write to.
    """

    def db_type(self, connection: BaseDatabaseWrapper) -> str | None:
        if connection.vendor == "postgresql":
            # Django adds the index for LIKE where the type is called "varchar", which is the same.
            return f"character varying({self.max_length})"
        return super().db_type(connection)

    def db_parameters(self, connection: BaseDatabaseWrapper) -> Any:
        parameters = super().db_parameters(connection)
        return {**parameters, "collation": "C"} if connection.vendor == "postgresql" else parameters
