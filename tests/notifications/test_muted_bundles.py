"""Muting what an alert is bundled with: the alerts of one conversation are in the list, and do not interrupt."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from hub.privacy import export
from hub.users import user_id
from notifications import Kind, notify, retract
from notifications.bundle_names import bundle_of, of_bundle, public_name
from notifications.events import created
from notifications.kinds import declaring as kinds
from notifications.models import Choice, Notification
from notifications.preferences import muted_bundles
from notifications.preferences import stored as preferences
from notifications.preferences.heeding import heeded_of
from notifications.preferences.stored import NotChosen, Wish
from tests.connection.wire import wired
from tests.notifications.published import alerts_on
from tests.support.people import User

PAGE = "/notifications/preferences/"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def photos(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(kinds, "_declared", {})
    Kind("comment", label="Comments", message="{who} wrote", fields={"who": str}, group_by="photo:7")
    Kind("alarm", label="Alarm", message="fire", critical=True, group_by="photo:7")
    with override_settings(LANGUAGE_CODE="en", LANGUAGES=[("en", "English"), ("ru", "Russian")]):
        yield


def comment(user: User, who: str, **more: Any) -> Notification:
    (row,) = notify(to=user, kind="comment", params={"who": who}, **more)
    return row


def mute(user: User, alert: Notification, **more: Any) -> preferences.ChosenPreferences:
    return preferences.change(user, wishes=[Wish("live", is_on=False, alert=alert.pk, **more)])


def silent(user: User) -> list[bool | None]:
    """Of all rows that came to this person live and are there still, whether they were silent."""
    return [data.get("silent") for data in alerts_on(f"user:{user_id(user)}")]


@pytest.mark.parametrize("name", [("", "a:b"), ("comment", "photo:7"), ("3:kind", ""), ("k" * 100, "g" * 200)])
def test_a_name_says_which_kind_and_text_it_is_of(name: tuple[str, str]) -> None:
    assert bundle_of(of_bundle(*name)) == name
    assert len(of_bundle(*name)) <= (Choice._meta.get_field("subject").max_length or 0)


def test_what_is_muted_comes_silently_and_all_else_as_before(ann: User) -> None:
    bob = User.objects.create_user("bob")
    first = comment(ann, "Cem")
    mute(ann, first)
    comment(ann, "Dan")
    comment(ann, "Eve", group_by="photo:8")
    notify(to=ann, message="of no kind", group_by="photo:7")
    notify(to=ann, kind="alarm")
    comment(bob, "Cem")
    assert silent(ann) == [True, None, None, None]
    assert silent(bob) == [None]
    assert (
        Notification.objects.filter(user=ann, kind="comment", bundle_by="photo:7", folded=False).get().bundle_count
        == 2
    )


def test_a_conversation_of_no_kind_is_muted(ann: User, django_assert_num_queries: Any) -> None:
    (first,) = notify(to=ann, message="hello", group_by="talk:1")
    mute(ann, first)
    notify(to=[ann, User.objects.create_user("bob")], message="hello again", group_by="talk:1")
    assert silent(ann) == [True]
    with django_assert_num_queries(0):
        muted_bundles.of(ann, {})


def test_a_mute_ends_at_its_time_and_gives_way_to_another(ann: User) -> None:
    first = comment(ann, "Cem")
    mute(ann, first)
    hour = timezone.now() + timedelta(hours=1)
    # One with an end takes the place of one without.
    assert [one.state.off_until for one in mute(ann, first, until=hour).bundles] == [hour]
    assert heeded_of(ann).silent_until == {f"bundle:{created(first).bundled_as}": hour}
    comment(ann, "Dan")
    assert silent(ann) == [True]
    Choice.objects.update(off_until=timezone.now() - timedelta(seconds=1))
    comment(ann, "Eve")
    assert silent(ann) == [None]
    assert preferences.preferences_of(ann).bundles == []
    (other,) = notify(to=ann, message="m", group_by="g")
    mute(ann, other)
    assert Choice.objects.count() == 1  # what is over is not kept


def test_preferences_say_what_is_muted_in_the_words_of_the_newest_and_take_it_back(ann: User) -> None:
    first = comment(ann, "Cem", key="first")
    (muted,) = mute(ann, first).bundles
    assert (muted.label, muted.bundle) == ("Cem wrote", created(first).bundled_as)
    assert muted.sentence == "It does not interrupt you; it is in your list."
    assert heeded_of(ann).silent == [f"bundle:{muted.bundle}"]
    comment(ann, "Dan", key="second")
    chosen = preferences.preferences_of(ann)
    assert [one.label for one in chosen.bundles] == ["Dan wrote"]
    assert chosen.summary[-1] == "Dan wrote is muted."
    retract(key="second")
    retract(key="first")
    assert [one.label for one in preferences.preferences_of(ann).bundles] == ["Comments"]
    assert "photo:7" in str(export(ann))
    assert preferences.change(ann, wishes=[Wish("live", is_on=None, bundle=muted.bundle)]).bundles == []
    comment(ann, "Eve")
    assert silent(ann)[-1] is None


def test_what_is_muted_no_more_is_unmuted_again_without_an_error(ann: User) -> None:
    (muted,) = mute(ann, comment(ann, "Cem")).bundles
    for _call in range(2):  # its answer may have been lost
        chosen = preferences.change(ann, language="en", wishes=[Wish("live", is_on=None, bundle=muted.bundle)])
        assert (chosen.bundles, chosen.language) == ([], "en")
    assert preferences.change(ann, wishes=[Wish("live", is_on=None, bundle="\0")]).bundles == []


def test_many_are_muted_and_unmuted_with_as_few_queries_as_one(ann: User) -> None:
    rows = [notify(to=ann, message=f"talk {number}", group_by=f"talk:{number}")[0] for number in range(30)]
    asked = [Wish("live", is_on=False, alert=row.pk) for row in rows]

    def queries(wishes: list[Wish]) -> int:
        with CaptureQueriesContext(connection) as captured:
            preferences.change(ann, wishes=wishes)
        return len(captured)

    preferences.change(ann, wishes=asked[:1])
    one, many = queries(asked[:1]), queries(asked)
    assert one == many
    names = [muted.bundle for muted in preferences.preferences_of(ann).bundles]
    assert len(names) == 30
    assert queries([Wish("live", is_on=None, bundle=name) for name in names]) <= many
    assert not Choice.objects.exists()


def test_in_one_call_the_last_word_about_a_conversation_holds(ann: User) -> None:
    first = comment(ann, "Cem")
    hour = timezone.now() + timedelta(hours=1)
    wishes = [Wish("live", is_on=False, alert=first.pk), Wish("live", is_on=False, alert=first.pk, until=hour)]
    assert [one.state.off_until for one in preferences.change(ann, wishes=wishes).bundles] == [hour]


def test_label_says_nothing_of_what_has_expired(ann: User) -> None:
    first = comment(ann, "Cem", expires=timedelta(minutes=1))
    assert [one.label for one in mute(ann, first).bundles] == ["Cem wrote"]
    Notification.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert [one.label for one in preferences.preferences_of(ann).bundles] == ["Comments"]


def test_what_cannot_be_muted_is_refused(ann: User) -> None:
    bob = User.objects.create_user("bob")
    (alone,) = notify(to=ann, message="alone")
    (fire,) = notify(to=ann, kind="alarm")
    hers = comment(ann, "Cem")
    for user, about in (
        (ann, {"alert": alone.pk}),
        (ann, {"alert": fire.pk}),
        (ann, {"alert": hers.pk + 1000}),
        (bob, {"alert": hers.pk}),
        (ann, {"bundle": public_name("comment", "photo:7")}),
        (ann, {"alert": hers.pk, "bundle": "x"}),
    ):
        with pytest.raises(NotChosen):
            preferences.change(user, wishes=[Wish("live", is_on=False, **about)])
    with pytest.raises(NotChosen):
        preferences.change(ann, wishes=[Wish("inbox", is_on=False, alert=hers.pk)])
    assert not Choice.objects.exists()


def test_of_too_many_the_oldest_go(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(muted_bundles, "LIMIT", 2)
    for number in range(4):
        mute(ann, notify(to=ann, message=f"talk {number}", group_by=f"talk:{number}")[0])
    assert [one.label for one in preferences.preferences_of(ann).bundles] == ["talk 2", "talk 3"]


async def test_a_client_mutes_by_an_alert_and_unmutes_by_the_name(ann: User) -> None:
    (row,) = await Notification.objects.abulk_create([Notification(user=ann, message="m", bundle_by="talk:1")])
    async with wired(ann) as wire:

        async def asked(method: str, **data: Any) -> Any:
            return (await wire.ask(rpc={"method": method, "data": data}))["rpc"]["data"]

        (item,) = (await asked("inbox.list"))["items"]
        choice = {"method": "live", "on": False, "alert": row.pk}
        (muted,) = (await asked("preferences.change", choices=[choice]))["bundles"]
        assert muted["bundle"] == item["bundled_as"]
        assert (await asked("preferences.heeded"))["silent"] == [f"bundle:{item['bundled_as']}"]
        unmute = {"method": "live", "on": None, "bundle": item["bundled_as"]}
        assert (await asked("preferences.change", choices=[unmute]))["bundles"] == []


def test_page_shows_what_is_muted_and_undoes_it(ann: User, client: Client) -> None:
    client.force_login(ann)
    bundle = created(comment(ann, "Cem")).bundled_as
    mute(ann, Notification.objects.get())
    field = f"mute:bundle:{bundle}"
    page = client.get(PAGE).content.decode()
    assert f'name="{field}"' in page
    assert "Cem wrote" in page
    client.post(PAGE, {field: "hour"})
    assert Choice.objects.get().off_until is not None
    client.post(PAGE, {field: "on"})
    assert not Choice.objects.exists()


def test_label_is_in_the_language_of_the_person(ann: User) -> None:
    Kind("talk", label="Talk", message="In English", group_by="t")
    preferences.change(ann, language="ru")
    (row,) = notify(to=ann, kind="talk")
    retracted = mute(ann, row)
    with translation.override("ru"):
        assert retracted.bundles[0].label == "In English"
        retract(id=row.pk)
        assert preferences.preferences_of(ann).bundles[0].label == "Talk"
