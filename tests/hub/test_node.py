"""The node: the parts of an event loop, made on first use and closed in the declared order."""

import asyncio

import pytest
import structlog

from hub.concurrency import node
from hub.concurrency.node import Part


class Log:
    """A part that writes down when it is made and closed."""

    def __init__(self, name: str, events: list[str]) -> None:
        self.name, self.events = name, events
        events.append(f"made {name}")

    async def close(self) -> None:
        self.events.append(f"closed {self.name}")


@pytest.fixture
def events() -> list[str]:
    return []


@pytest.fixture(autouse=True)
def no_other_parts_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node, "_at_start", [])


async def test_part_is_made_on_first_use_and_is_the_same_from_then_on(events: list[str]) -> None:
    part = Part(lambda: Log("relay", events))
    assert events == []
    assert part() is part()
    assert part.made is part()
    await node.close()
    assert events == ["made relay", "closed relay"]


async def test_looking_at_a_part_makes_none(events: list[str]) -> None:
    part = Part(lambda: Log("relay", events))
    assert part.made is None
    assert events == []


async def test_part_that_is_used_after_the_end_is_a_new_one(events: list[str]) -> None:
    part = Part(lambda: Log("relay", events))
    first, its_node = part(), node.current()
    await node.close()
    assert part() is not first
    assert node.current() is not its_node
    assert node.current().id != its_node.id
    await node.close()


@pytest.mark.parametrize("user_is_made_first", [True, False])
async def test_part_is_closed_before_those_that_it_uses(events: list[str], user_is_made_first: bool) -> None:
    relay = Part(lambda: Log("relay", events))
    presence = Part(lambda: Log("presence", events), uses=[relay])
    counter = Part(lambda: Log("counter", events), uses=[presence, relay])
    for part in [counter, presence, relay] if user_is_made_first else [relay, presence, counter]:
        part()
    await node.close()
    assert events[3:] == ["closed counter", "closed presence", "closed relay"]


async def test_part_that_is_used_through_one_that_was_never_made_is_closed_later(events: list[str]) -> None:
    relay = Part(lambda: Log("relay", events))
    presence = Part(lambda: Log("presence", events), uses=[relay])
    counter = Part(lambda: Log("counter", events), uses=[presence])
    counter(), relay()
    await node.close()
    assert events[2:] == ["closed counter", "closed relay"]


async def test_of_parts_that_use_neither_the_other_the_younger_one_is_closed_first(events: list[str]) -> None:
    one, two = Part(lambda: Log("one", events)), Part(lambda: Log("two", events))
    two(), one()
    await node.close()
    assert events[2:] == ["closed one", "closed two"]


async def test_all_parts_are_there_until_the_last_one_is_closed(events: list[str]) -> None:
    class Asking(Log):
        async def close(self) -> None:
            assert younger() is its_younger, "it is closed already, and no other one is made"
            await super().close()

    asking = Part(lambda: Asking("asking", events))
    younger = Part(lambda: Log("younger", events), uses=[asking])
    asking()
    its_younger = younger()
    await node.close()
    assert events[2:] == ["closed younger", "closed asking"]


async def test_part_that_is_first_used_while_others_are_closed_is_closed_too(events: list[str]) -> None:
    late = Part(lambda: Log("late", events))

    class Using(Log):
        async def close(self) -> None:
            late()
            await super().close()

    using = Part(lambda: Using("using", events))
    using()
    await node.close()
    assert events == ["made using", "made late", "closed using", "closed late"]


async def test_part_that_cannot_be_closed_does_not_keep_the_others_open(events: list[str]) -> None:
    class Failing(Log):
        async def close(self) -> None:
            raise OSError("no")

    whole, failing = Part(lambda: Log("whole", events)), Part(lambda: Failing("failing", events))
    whole(), failing()
    with structlog.testing.capture_logs() as lines:
        await node.close()
    assert events[-1] == "closed whole"
    assert [(line["event"], line["part"]) for line in lines] == [("part_not_closed", "Failing")]


async def test_part_with_nothing_to_end_needs_no_close() -> None:
    part: Part[list[int]] = Part(list)
    part().append(1)
    await node.close()
    assert part() == []
    await node.close()


async def test_one_part_can_be_closed_alone(events: list[str]) -> None:
    part, other = Part(lambda: Log("part", events)), Part(lambda: Log("other", events))
    first = part()
    other()
    await part.close()
    assert events[2:] == ["closed part"]
    assert part() is not first
    await node.close()
    assert events[3:] == ["made part", "closed part", "closed other"]


async def test_closing_a_part_that_was_not_made_makes_none(events: list[str]) -> None:
    await Part(lambda: Log("part", events)).close()
    assert events == []


async def test_parts_of_the_start_are_made_in_the_order_of_their_declaration(events: list[str]) -> None:
    Part(lambda: Log("relay", events), at_start=True)
    Part(lambda: Log("lazy", events))
    Part(lambda: Log("gauges", events), at_start=True)
    node.start()
    assert events == ["made relay", "made gauges"]
    node.start()
    assert len(events) == 2
    await node.close()


def test_each_event_loop_has_a_node_of_its_own(events: list[str]) -> None:
    part = Part(lambda: Log("part", events))

    async def its() -> Log:
        return part()

    with asyncio.Runner() as one, asyncio.Runner() as two:
        first, second = one.run(its()), two.run(its())
        assert first is not second
        assert one.run(its()) is first, "the other loop took nothing from this one"
        one.run(node.close())
        assert events[2:] == ["closed part"]
        assert two.run(its()) is second
        two.run(node.close())


async def test_parts_finish_before_any_is_closed_and_one_that_fails_or_hangs_holds_up_nobody(
    events: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Finishes(Log):
        async def finish(self) -> None:
            events.append(f"finished {self.name}")

    class Fails(Log):
        async def finish(self) -> None:
            raise ValueError(self.name)

    class Hangs(Log):
        async def finish(self) -> None:
            await asyncio.Event().wait()

    monkeypatch.setattr(node, "FINISH_SECONDS", 0.05)
    for part in (
        Part(lambda: Fails("a", events)),
        Part(lambda: Hangs("b", events)),
        Part(lambda: Finishes("c", events)),
    ):
        part()
    events.clear()
    with structlog.testing.capture_logs() as logs:
        await node.finish()
    assert events == ["finished c"]
    assert [one["event"] for one in logs] == ["part_not_finished"] * 2
    await node.close()
    assert events == ["finished c", "closed c", "closed b", "closed a"]
