"""Tokens in the admin: seen and revoked there, never made there."""

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
