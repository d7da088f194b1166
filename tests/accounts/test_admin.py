"""Tokens in the admin: seen and revoked there, never made there."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from hub.accounts import tokens
from hub.accounts.models import AccessToken
from tests.support.people import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def text(admin_user: User) -> str:
    return tokens.issue(admin_user, "laptop")


def test_administrator_revokes_tokens(admin_client: Client, text: str) -> None:
    row = AccessToken.objects.get()
    admin_client.post(
        reverse("admin:hub_accounts_accesstoken_changelist"), {"action": "revoke", "_selected_action": [row.pk]}
    )
    assert tokens.user_for(text) is None


def test_nothing_of_a_token_can_be_edited(admin_client: Client, admin_user: User, text: str) -> None:
    row = AccessToken.objects.get()
    address = reverse("admin:hub_accounts_accesstoken_change", args=[row.pk])
    assert b"laptop" in admin_client.get(address).content
    admin_client.post(address, {"name": "other", "user": admin_user.pk, "digest": "0" * 64, "revoked_at": ""})
    assert AccessToken.objects.values().get() == AccessToken.objects.filter(pk=row.pk, name="laptop").values().get()
    assert tokens.user_for(text) == admin_user


def test_no_token_is_made_in_the_admin(admin_client: Client) -> None:
    assert admin_client.get(reverse("admin:hub_accounts_accesstoken_add")).status_code == 403


def test_digest_is_not_shown(admin_client: Client, text: str) -> None:
    row = AccessToken.objects.get()
    page = admin_client.get(reverse("admin:hub_accounts_accesstoken_change", args=[row.pk])).content.decode()
    assert row.digest not in page


def test_what_becomes_of_tokens_is_in_the_log_without_them(
    admin_client: Client, admin_user: User, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    texts = [tokens.issue(admin_user), tokens.issue(admin_user)]
    first, second = AccessToken.objects.order_by("pk")
    listed = reverse("admin:hub_accounts_accesstoken_changelist")
    for action, token in (("revoke", first), ("delete_selected", first), ("delete_selected", second)):
        admin_client.post(listed, {"action": action, "_selected_action": [token.pk], "post": "yes"})
    assert not AccessToken.objects.exists()
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("hub.accounts.")]
    events = re.findall(r"'event': '(tokens?_\w+)'", "\n".join(lines))
    assert events == ["token_issued"] * 2 + ["tokens_revoked"] * 2
    assert not any(text in caplog.text for text in texts)
