"""Who may read the documents of the API."""

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from tests.support.people import User

PATHS = ["/api/docs", "/api/openapi.json"]

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("readers", "guest", "user", "staff"),
    [("anyone", 200, 200, 200), ("staff", 302, 404, 200), ("off", 404, 404, 404)],
)
def test_documents_are_for_those_whom_the_setting_names(
    settings: Settings, path: str, readers: str, guest: int, user: int, staff: int
) -> None:
    settings.HUB_API_DOCS = readers
    visitors = [(None, guest), (User.objects.create_user("ann"), user)]
    visitors.append((User.objects.create_user("eve", is_staff=True), staff))
    for visitor, status in visitors:
        client = Client()
        if visitor:
            client.force_login(visitor)
        answer = client.get(path)
        assert answer.status_code == status
        if status == 302:
            assert answer["Location"].endswith(f"?next={path}")


def test_default_of_a_hub_is_staff() -> None:
    from hub.config.typed_settings import HubSettings

    assert HubSettings().api_docs == "staff"


def test_document_has_every_verb_and_the_page_shows_it(settings: Settings) -> None:
    settings.HUB_API_DOCS = "anyone"
    document = Client().get("/api/openapi.json").json()
    users = document["paths"]["/api/users"]
    assert users.keys() == {"post", "get", "delete"}
    assert [one["name"] for one in users["get"]["parameters"]] == ["ids", "after", "limit"]
    assert "requestBody" not in users["get"] and "requestBody" in users["delete"]
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    assert all(operation["security"] for operation in operations)
    assert not [operation for operation in operations if len(operation["tags"]) != 1]
    grouped = {
        path: operations["post"]["tags"][0] for path, operations in document["paths"].items() if "post" in operations
    }
    assert (grouped["/api/room_post"], grouped["/api/notify"]) == ("Chat", "Notifications")
    assert grouped["/api/publish"] == grouped["/api/batch"] == "Notification Hub"
    assert {"/api/room_post", "/api/topic_follow", "/api/group_add", "/api/mark_read"} <= document["paths"].keys()
