import pytest
from channels.layers import BaseChannelLayer

from hub.channels import Namespace, UnknownChannel, find, group_name, namespace_of, of_person, people, register
from hub.logs.rare_log import RareLog


@pytest.mark.parametrize("channel", ["everyone", "user:42", "room:7", "group:1", "online", f"user:{'9' * 64}"])
def test_a_registered_channel_has_a_namespace_and_a_group_that_channels_accepts(channel: str) -> None:
    assert namespace_of(channel).name == channel.partition(":")[0]
    assert BaseChannelLayer().require_valid_group_name(group_name(channel))


@pytest.mark.parametrize(
    "channel",
    [
        "",
        "user",  # needs an id
        "user:",
        "everyone:1",  # has no ids
        "unknown:1",
        "User:1",
        "user:1:2",
        "user:1 2",
        "user:é",
        "user:1\n",
        "user:*",
        f"user:{'9' * 65}",
        "x" * 200,
    ],
)
def test_any_other_name_is_refused(channel: str) -> None:
    with pytest.raises(UnknownChannel):
        namespace_of(channel)


def test_different_channels_have_different_groups() -> None:
    assert len({group_name(channel) for channel in ("user:1", "user:11", "room:1", "everyone", "user:a-b")}) == 5


@pytest.mark.parametrize("known", ["7", "-1", "ada", "A_b-9", "x" * 64])
def test_channel_of_a_person_has_the_id(known: str) -> None:
    assert namespace_of(of_person("user", known)) is namespace_of(f"user:{known}")


@pytest.mark.parametrize("known", ["", "a.b", "user:1", "1 ", "\u0660", "1\n", "x" * 65])
def test_person_whose_id_no_channel_can_have_has_one_that_no_client_hears(
    known: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(people, "_rare_log", RareLog(people.log))
    assert of_person("user", known) == of_person("jobs", known) == of_person("user", known) == people.NOBODY
    with pytest.raises(UnknownChannel):
        find(people.NOBODY)
    assert [caplog.text.count(f"'namespace': '{name}'") for name in ("user", "jobs")] == [1, 1]


def test_a_namespace_that_tells_who_comes_has_presence() -> None:
    with pytest.raises(ValueError, match="without presence"):
        register(Namespace("blind", join_leave=True))


def test_a_namespace_cannot_be_declared_twice_with_different_rules() -> None:
    declared = namespace_of("room:1")
    assert register(declared) is declared
    with pytest.raises(ValueError, match="'room' is declared twice"):
        register(Namespace("room", durable=False))
