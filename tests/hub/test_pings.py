import asyncio

from hub.concurrency.wheel import Wheel
from hub.server.ping_wheel import Pinged, PingWheels, wheels
from lab.harness.waiting import await_for


class Socket:
    """Remembers when it was pinged, and with what."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.payloads: list[bytes] = []

    def ping(self, payload: bytes, frame: bytes) -> None:
        assert frame == b"\x89\x04" + payload
        self.times.append(asyncio.get_running_loop().time())
        self.payloads.append(payload)


async def test_a_socket_is_pinged_after_each_interval_and_not_sooner() -> None:
    pings, socket = PingWheels().of(0.2), Socket()
    began = asyncio.get_running_loop().time()
    slice_ = pings.add(socket)
    await await_for(lambda: len(socket.times) == 3, that="it has been pinged")
    for earlier, later in zip([began, *socket.times], socket.times, strict=False):
        assert later - earlier > 0.19
    assert len(set(socket.payloads)) == 3
    del slice_[socket]


async def test_sockets_that_come_at_different_times_are_pinged_at_different_times() -> None:
    pings, sockets = PingWheels().of(0.2), [Socket(), Socket()]
    slices = [pings.add(sockets[0])]
    await asyncio.sleep(0.1)
    slices.append(pings.add(sockets[1]))
    await await_for(lambda: bool(sockets[1].times), that="both have been pinged")
    assert slices[0] is not slices[1]
    assert sockets[0].times[0] < sockets[1].times[0]
    for socket, slice_ in zip(sockets, slices, strict=True):
        del slice_[socket]


async def test_one_that_has_left_is_not_pinged_and_without_sockets_nothing_runs() -> None:
    pings, gone, here = PingWheels().of(0.1), Socket(), Socket()
    del pings.add(gone)[gone]
    slice_ = pings.add(here)
    await await_for(lambda: len(here.times) == 2, that="the other has been pinged")
    assert gone.times == []
    del slice_[here]
    await await_for(lambda: not pings.is_turning, that="the wheel stands still")
    again = pings.add(here)
    await await_for(lambda: len(here.times) == 3, that="it turns again")
    del again[here]


async def test_a_loop_has_one_wheel_for_an_interval() -> None:
    assert wheels().of(20) is wheels().of(20)
    assert wheels().of(20) is not wheels().of(30)


def test_the_next_loop_has_a_wheel_of_its_own() -> None:
    async def its() -> Wheel[Pinged]:
        return wheels().of(20)

    assert asyncio.run(its()) is not asyncio.run(its())


async def test_wheel_visits_each_member_once_in_an_interval() -> None:
    visited: list[str] = []
    wheel: Wheel[str] = Wheel(60, 3, visited.extend)
    wheel.add("a")
    wheel.turn()
    wheel.add("b")
    for _ in range(3):
        wheel.turn()
    assert visited == ["a", "b"], "each when the interval since its coming is over"
    for _ in range(3):
        wheel.turn()
    assert visited == ["a", "b", "a", "b"]
    await wheel.close()


async def test_wheel_knows_whom_it_visited_some_turns_before() -> None:
    before: list[list[str]] = []
    wheel: Wheel[str] = Wheel(60, 4, lambda due: before.append(wheel.visited_before(1)))
    wheel.add("a")
    for _ in range(6):
        wheel.turn()
    assert before == [["a"], [], [], [], ["a"], []]
    await wheel.close()


async def test_visit_that_fails_does_not_stop_the_wheel() -> None:
    visits: list[list[str]] = []

    def visit(due: list[str]) -> None:
        visits.append(due)
        raise ValueError

    wheel: Wheel[str] = Wheel(0.02, 2, visit)
    wheel.add("a")
    failures: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: failures.append(context["exception"]))
    await await_for(lambda: len(visits) > 4, that="it turns on")
    assert len(failures) > 3
    await wheel.close()


async def test_wheel_that_is_closed_visits_nobody() -> None:
    visited: list[str] = []
    wheel: Wheel[str] = Wheel(0.02, 2, visited.extend)
    wheel.add("a")
    await wheel.close()
    wheel.add("b")
    assert not wheel.is_turning
    await asyncio.sleep(0.05)
    assert visited == []
