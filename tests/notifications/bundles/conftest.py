"""A kind whose notifications join."""

import pytest
from django.utils.translation import ngettext_lazy

from notifications import Kind
from notifications.kinds import declaring


@pytest.fixture
def comment(monkeypatch: pytest.MonkeyPatch) -> Kind:
    monkeypatch.setattr(declaring, "_declared", dict(declaring._declared))
    return Kind(
        "photo.comment",
        label="Comments",
        message="{who} wrote on {photo}",
        many_message=ngettext_lazy("{count} new comment on {photo}", "{count} new comments on {photo}", "count"),
        fields={"who": str, "photo": str},
        group_by="{photo}",
    )
