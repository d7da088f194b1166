"""``/api/jobs``: a program that is not Python reports its work, and people watch it; jobs are listed and cancelled."""

import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from hub.models import Publication
from hub.users import user_id
from tests.api.calling import Api, key_for
from tests.support.people import User
from worker.models import TrackedJob
from worker.tracking import losses, publishing, stored

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ada() -> User:
    return User.objects.create_user("ada")


@sync_to_async
def states(ada: User) -> list[str]:
    """What the person was told, in its order."""
    found = Publication.objects.filter(channel=f"jobs:{user_id(ada)}").order_by("pk")
    return [json.loads(one.data)["item"]["state"] for one in found]


async def test_work_of_another_program_is_begun_reported_and_ended(api: Api, ada: User) -> None:
    begun = await api.result("jobs", title="Render", user=user_id(ada), id="render:7")
    assert (begun["job"]["state"], begun["cancel"]) == ("running", False)
    again = await api.result("jobs", title="Render", user=user_id(ada), id="render:7")
    assert again == begun
    said = await api.result("job_change", id="render:7", done=1, total=4, text="frame 1", lines=["one", "two"])
    assert (said["job"]["done"], said["job"]["total"], said["job"]["text"]) == (1, 4, "frame 1")
    kept = await api.result("job_change", id="render:7", done=2)
    assert (kept["job"]["done"], kept["job"]["total"], kept["job"]["text"]) == (2, 4, "frame 1")
    ended = await api.result("job_change", id="render:7", state="succeeded", result_url="/films/7", result_text="film")
    assert (ended["job"]["state"], ended["job"]["result_url"]) == ("succeeded", "/films/7")
    late = await api.result("job_change", id="render:7", state="failed", error="too late")
    assert late == ended
    assert [line["text"] for line in (await api.result("job", id="render:7"))["log"]] == ["one", "two"]
    assert await states(ada) == ["queued", "running", "succeeded"]


async def test_program_hears_that_its_work_is_to_end(api: Api, ada: User) -> None:
    await api.result("jobs", title="Render", user=user_id(ada), id="r")
    assert await api.result("job_cancel", id="r") == {"cancelled": 1}
    assert (await api.result("job_change", id="r", done=1))["cancel"] is True
    ended = await api.result("job_change", id="r", state="cancelled")
    assert (ended["job"]["state"], ended["cancel"]) == ("cancelled", False)
    assert await api.result("job_cancel", id="r") == {"cancelled": 0}


async def test_silent_work_is_lost_and_goes_on_when_it_is_heard_of_again(api: Api, ada: User) -> None:
    await api.result("jobs", title="Render", user=user_id(ada), id="r", silence=5)
    await TrackedJob.objects.aupdate(lost_at="2020-01-01T00:00Z")
    assert await sync_to_async(losses.mark_lost)() == 1
    assert (await api.result("job", id="r"))["job"]["state"] == "lost"
    assert (await api.result("job_change", id="r", done=1))["job"]["state"] == "running"


async def test_list_has_pages_states_and_a_position(api: Api, ada: User) -> None:
    person = user_id(ada)
    for number in range(5):
        await api.result("jobs", title=f"{number}", user=person, id=f"{number}")
    await api.result("job_change", id="0", state="failed", error="no disk")
    first = await api.result("jobs_list", user=person, limit=3)
    assert [one["id"] for one in first["jobs"]] == ["4", "3", "2"]
    assert first["positions"][f"jobs:{person}"]["offset"] > 0
    second = await api.result("jobs_list", user=person, limit=3, before=first["next"])
    assert ([one["id"] for one in second["jobs"]], second["next"]) == (["1", "0"], "")
    failed = await api.result("jobs_list", state="failed")
    assert [(one["id"], one["error"]) for one in failed["jobs"]] == [("0", "no disk")]


async def test_key_of_one_person_sees_and_changes_the_jobs_of_that_one_only(api: Api, ada: User) -> None:
    bob = await sync_to_async(User.objects.create_user)("bob")
    await api.result("jobs", title="Hers", user=user_id(ada), id="hers")
    await api.result("jobs", title="Nobody's", id="nobodys")
    bobs = Api(await sync_to_async(key_for)("*", channels=(f"user:{user_id(bob)}",)))
    assert (await bobs.result("jobs", title="His", user=user_id(bob), id="his"))["job"]["user"] == user_id(bob)
    for name in ("hers", "nobodys", "nowhere"):
        for method in ("job", "job_change", "job_cancel"):
            assert await bobs.error(method, id=name) == 103, (method, name)
    calls: list[dict[str, Any]] = [{"user": user_id(ada)}, {}]
    for call in calls:
        assert await bobs.error("jobs_list", **call) == 103
        assert await bobs.error("jobs", title="t", **call) == 103
    assert [one["id"] for one in (await bobs.result("jobs_list", user=user_id(bob)))["jobs"]] == ["his"]


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("jobs", {"title": ""}),
        ("jobs", {"title": "t", "id": "\0"}),
        ("jobs", {"title": "t", "id": "hers"}),
        ("jobs", {"title": "t", "silence": 1}),
        ("job_change", {"id": "nowhere"}),
        ("job_change", {"id": "hers", "result_url": "javascript:alert(1)"}),
        ("job_change", {"id": "durable"}),
        ("job_change", {"id": "hers", "state": "queued"}),
        ("jobs_list", {"before": "nowhere"}),
        ("job", {"id": ""}),
    ],
)
async def test_what_makes_no_sense_is_refused(api: Api, ada: User, method: str, request_: dict[str, Any]) -> None:
    await api.result("jobs", title="Hers", user=user_id(ada), id="hers")
    await TrackedJob.objects.acreate(pk="durable", title="t")
    assert await api.error(method, **request_) == 107


@pytest.mark.parametrize("number", [1e18, 1e308, -1e18])
async def test_large_numbers_are_cut_to_what_browsers_take(api: Api, ada: User, number: float) -> None:
    await api.result("jobs", title="Render", user=user_id(ada), id="r")
    said = await api.result("job_change", id="r", done=number, total=number)
    assert abs(said["job"]["done"]) == 2**53 - 1
    assert (await api.result("job_change", id="r", state="succeeded"))["job"]["state"] == "succeeded"


async def test_row_that_cannot_be_told_hides_no_lost_job(api: Api, ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("first", "second"):
        await api.result("jobs", title=name, user=user_id(ada), id=name)
    await TrackedJob.objects.aupdate(lost_at="2020-01-01T00:00Z")
    failed: list[str] = []

    def publish_but_the_first(row: TrackedJob, user_id: str) -> None:
        if not failed:
            failed.append(row.pk)
            raise ValueError("it cannot be told")
        publishing.publish_state(row, user_id)

    monkeypatch.setattr(stored, "publish_state", publish_but_the_first)
    assert await sync_to_async(losses.mark_lost)() == 1
    assert await TrackedJob.objects.filter(state="lost").acount() == 1
