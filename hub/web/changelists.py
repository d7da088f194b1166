"""Lists of the admin that are asked what nobody can ask with their links."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.db import DataError
from django.http import HttpRequest

if TYPE_CHECKING:
    Base = admin.ModelAdmin[Any]
else:
    Base = object


class QuestionsRefused(Base):
    """Has the list say that a question cannot be answered, where Django has an error of the server.

    Such as for a time before the first year, a number that no column takes, or text with NUL: Django itself refuses
    what is no time and no number, and nothing of the database is told.
    """

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """The list as it is asked for; Django's own page says that a question is refused."""
        try:
            return super().get_changelist_instance(request)
        except (OverflowError, ValueError, TypeError, DataError) as error:
            raise IncorrectLookupParameters from error
