"""What the admin may do with rows that were published."""

from typing import TypeVar

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import Model
from django.http import HttpRequest

from hub.api.admin import ApiKeyAdmin
from hub.models import ApiKey
from hub.web.generics import ModelAdmin

M = TypeVar("M", bound=Model)


def people_with_search(own: ModelAdmin[M], *names: str) -> tuple[str, ...]:
    """Those of these foreign keys to users in which the admin can search: the project's admin has a page of users.

    Where it has none, Django refuses ``autocomplete_fields``, and the key of a user is typed (``raw_id_fields``).
    """
    users = own.admin_site._registry.get(get_user_model())
    return names if users is not None and users.search_fields else ()


class PublishedAdmin(ModelAdmin[M]):
    """Rows that clients were sent: never added here, and deleted only with what they belong to (a room, a user)."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Not on its own pages: the stream would go on showing the row to whoever comes back."""
        page = request.resolver_match and request.resolver_match.url_name
        own = f"{self.opts.app_label}_{self.opts.model_name}_"
        return not (page or "").startswith(own) and super().has_delete_permission(request, obj)


admin.site.register(ApiKey, ApiKeyAdmin)
