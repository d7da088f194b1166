"""Clients that break the rules of HTTP and WebSockets."""

import random

import pytest

from lab.chaos.hostile_wire import KINDS
from tests.chaos.conftest import Survives


def test_the_same_seed_makes_the_same_bytes() -> None:
    for kind in KINDS:
        made = [[*kind(random.Random(seed))[0]] for seed in (1, 1)]
        assert made[0] == made[1]


@pytest.mark.chaos
@pytest.mark.slow
@pytest.mark.any_database
async def test_hostile_frames_hold_up_nobody_and_make_no_traceback(survives: Survives) -> None:
    await survives("hostile-frames", size=0.15)
