"""Keys are made, listed and revoked by a command and in the admin."""

import re
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from django.urls import reverse

from hub.api import keys
from hub.models import ApiKey
from tests.api.calling import key_for


@pytest.mark.usefixtures("transactional_db")
def test_command_makes_lists_and_revokes_a_key(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("api_key", "create", "shop", "--methods", "publish", "history", "--channels", "user:*")
    text = capsys.readouterr().out.strip()
    assert text.startswith(keys.SCHEME)
    call_command("api_key", "list")
    listed = capsys.readouterr().out
    assert "valid, never used  shop: history publish on user:*" in listed and text not in listed
    call_command("api_key", "revoke", "shop")
    call_command("api_key", "list")
    assert "revoked" in capsys.readouterr().out
    with pytest.raises(CommandError, match="still valid"):
        call_command("api_key", "revoke", "shop")


@pytest.mark.usefixtures("transactional_db")
@pytest.mark.parametrize("by", ["pk", "prefix"])
def test_command_revokes_by_what_the_list_shows(by: str) -> None:
    key_for()
    row = ApiKey.objects.get()
    call_command("api_key", "revoke", str(row.pk) if by == "pk" else f"{row.prefix}…")
    row.refresh_from_db()
    assert row.revoked_at


@pytest.mark.usefixtures("transactional_db")
@pytest.mark.parametrize("arguments", [["x", "--methods", "nothing"], ["x", "--channels", "a b"], [" "], ["n" * 101]])
def test_command_refuses_what_no_key_can_have(arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        call_command("api_key", "create", *arguments)
    assert not ApiKey.objects.exists()


@pytest.mark.slow
def test_admin_makes_a_key_and_shows_it_once(admin_client: Client) -> None:
    page = admin_client.post(
        reverse("admin:hub_apikey_add"), {"name": "shop", "methods": ["publish"], "channels": "user:*\neveryone"}
    )
    row = ApiKey.objects.get()
    text = page.context["key"]
    assert text in page.content.decode() and keys._digest(text) == row.digest
    assert (row.methods, row.channels) == (["publish"], ["user:*", "everyone"])
    assert "no-store" in page["Cache-Control"]
    for address in (
        reverse("admin:hub_apikey_changelist"),
        reverse("admin:hub_apikey_change", args=[row.pk]),
        reverse("admin:index"),
    ):
        later = admin_client.get(address).content.decode()
        assert text not in later and row.digest not in later


@pytest.mark.slow
@pytest.mark.parametrize(
    "change", [{"channels": "a b:"}, {"channels": ""}, {"methods": []}, {"methods": ["x"]}, {"name": ""}]
)
def test_admin_refuses_what_no_key_can_have(admin_client: Client, change: dict[str, Any]) -> None:
    wanted = {"name": "shop", "methods": ["publish"], "channels": "*", **change}
    assert admin_client.post(reverse("admin:hub_apikey_add"), wanted).status_code == 200
    assert not ApiKey.objects.exists()


def test_admin_revokes_and_changes_nothing_else(admin_client: Client) -> None:
    key_for("info")
    row = ApiKey.objects.get()
    admin_client.post(
        reverse("admin:hub_apikey_change", args=[row.pk]), {"name": "x", "methods": ["*"], "channels": "*"}
    )
    row.refresh_from_db()
    assert (row.name, row.methods) == ("a test", ["info"])
    address = reverse("admin:hub_apikey_changelist")
    admin_client.post(address, {"action": "revoke", "_selected_action": [row.pk]})
    row.refresh_from_db()
    assert row.revoked_at


@pytest.mark.slow
def test_what_becomes_of_keys_is_in_the_log_with_the_address_and_without_the_keys(
    admin_client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    wanted = {"name": "shop", "methods": ["publish"], "channels": "*"}
    texts = [
        admin_client.post(reverse("admin:hub_apikey_add"), wanted, REMOTE_ADDR="192.0.2.7").context["key"]
        for _ in range(3)
    ]
    first, second, third = (str(pk) for pk in ApiKey.objects.order_by("pk").values_list("pk", flat=True))
    listed = reverse("admin:hub_apikey_changelist")
    for action, key in (("revoke", first), ("delete_selected", first), ("delete_selected", second)):
        chosen = {"action": action, "_selected_action": [key], "post": "yes"}
        admin_client.post(listed, chosen, REMOTE_ADDR="192.0.2.7")
    one = reverse("admin:hub_apikey_delete", args=[third])
    admin_client.post(one, {"post": "yes"}, REMOTE_ADDR="192.0.2.7")
    assert not ApiKey.objects.exists()
    lines = [record.getMessage() for record in caplog.records if record.name == "hub.api.keys"]
    assert re.findall(r"'event': '(\w+)'", "\n".join(lines)) == ["api_key_issued"] * 3 + ["api_keys_revoked"] * 3
    for line, key in zip(lines, [first, second, third, first, second, third], strict=True):
        assert "'address': '192.0.2.7'" in line and re.search(rf"'keys?': \[?{key}\]?\b", line)
    assert not any(text in caplog.text for text in texts)
