import pytest
from channels.layers import BaseChannelLayer

from hub.channels import Namespace, UnknownChannel, group_name, namespace_of, register


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


def test_a_namespace_that_tells_who_comes_has_presence() -> None:
    with pytest.raises(ValueError, match="without presence"):
        register(Namespace("blind", join_leave=True))


def test_a_namespace_cannot_be_declared_twice_with_different_rules() -> None:
    declared = namespace_of("room:1")
    assert register(declared) is declared
    with pytest.raises(ValueError, match="'room' is declared twice"):
        register(Namespace("room", durable=False))
