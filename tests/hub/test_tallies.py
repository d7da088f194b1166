"""``hub.limits.tallies``: limits on many small things, of which a process counts some by itself."""

import pytest
from pytest_django.fixtures import Settings

from hub.limits import Limit, TooMany
from hub.limits.tallies import Tally

LIMIT = Limit("trial", "limit_signup", "You have tried too often.")


@pytest.fixture
def tally(settings: Settings) -> Tally:
    settings.HUB_LIMIT_SIGNUP = "40/minute"
    return Tally(LIMIT)


def taken(tally: Tally, who: str = "ann", tries: int = 100) -> int:
    """How many of so many tries are allowed."""
    allowed = 0
    for _ in range(tries):
        try:
            tally.take(who)
        except TooMany:
            continue
        allowed += 1
    return allowed


def test_process_lets_through_no_more_than_a_tenth_above_the_limit(tally: Tally) -> None:
    assert 40 <= taken(tally) <= 44
    assert 40 <= taken(tally, "bob") <= 44


@pytest.mark.parametrize("given_back", [1, 3, 4, 5, 30])
def test_what_is_given_back_may_be_taken_again(tally: Tally, given_back: int) -> None:
    expected = taken(Tally(LIMIT), "another")
    assert taken(tally, tries=30) == 30
    for _ in range(given_back):
        tally.give_back("ann")
    assert taken(tally) == expected - 30 + given_back


def test_nothing_is_used_up_by_what_is_given_back_each_time(tally: Tally) -> None:
    expected = taken(Tally(LIMIT), "another")
    for _ in range(200):
        tally.take("ann")
        tally.give_back("ann")
    assert taken(tally) == expected


def test_nothing_is_refused_or_kept_where_there_is_no_limit(tally: Tally, settings: Settings) -> None:
    settings.HUB_LIMIT_SIGNUP = "off"
    assert taken(tally, tries=1000) == 1000
    tally.give_back("ann")
    settings.HUB_LIMIT_SIGNUP = "1/minute"
    assert taken(tally) == 1


async def test_event_loop_counts_alike(tally: Tally) -> None:
    expected = taken(Tally(LIMIT), "another")
    for _ in range(expected):
        await tally.atake("ann")
    with pytest.raises(TooMany) as refusal:
        while True:
            await tally.atake("ann")
    assert 0 < refusal.value.retry_after <= 60
    assert taken(tally) == 0
