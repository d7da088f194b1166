"""What people are told to have unread, and what they have marked, against the database: one fault at a time."""

import pytest

from lab.chaos.ledger import Verdict
from lab.chaos.reading import MARKS_KEPT, UNREAD_LIMIT, Inbox, ReadingBook, Told

ADA = 7


class Run:
    """Six alerts came to one person after the run began, two of which a client of hers has marked; tests spoil it."""

    def __init__(self) -> None:
        self.book = ReadingBook()
        self.book.began_after = 10
        self.alerts = [11, 12, 13, 14, 15, 16]
        self.unread = [13, 14, 15, 16]
        self.mark([11, 12])
        self.told: list[int | None] = [4, 4]

    def mark(self, ids: list[int], *, upto: int = 0, acknowledged: bool = True) -> None:
        self.book.attempt(ADA, ids, upto=upto)
        if acknowledged:
            self.book.acknowledge(ADA, ids, "tab 1")

    def verdict(self) -> Verdict:
        verdict = Verdict()
        told = [Told(ADA, how, number) for how, number in zip(("page", "tab 1"), self.told, strict=True)]
        self.book.judge(verdict, [Inbox(ADA, "ada", self.alerts, self.unread)], told)
        return verdict


@pytest.fixture
def run() -> Run:
    return Run()


def test_run_in_which_all_is_right_has_no_findings(run: Run) -> None:
    verdict = run.verdict()
    assert verdict.findings == []
    assert (verdict.counts["marked as read"], verdict.counts["unread counts compared"]) == (2, 2)


@pytest.mark.parametrize("wrong", [3, 5, 0])
def test_number_that_is_not_that_of_the_database_is_found(run: Run, wrong: int) -> None:
    run.told = [4, wrong]
    assert run.verdict().findings == [f"unread differs: ada is told {wrong} by tab 1, the database has 4"]


def test_client_that_is_told_nothing_is_found(run: Run) -> None:
    run.told = [None, 4]
    assert run.verdict().findings == ["unread differs: ada is told nothing by page"]


def test_more_than_the_hub_counts_are_told_as_so_many(run: Run) -> None:
    run.alerts = list(range(11, 400))
    run.unread = run.alerts[2:]
    run.told = [UNREAD_LIMIT, UNREAD_LIMIT]
    assert run.verdict().holds
    run.told = [UNREAD_LIMIT, UNREAD_LIMIT + 1]
    assert not run.verdict().holds


def test_acknowledged_marking_that_did_not_hold_is_found(run: Run) -> None:
    run.mark([13, 14])
    assert run.verdict().findings == [
        "marked as read in vain: ada has not read alert 13, although tab 1 was told so",
        "marked as read in vain: ada has not read alert 14, although tab 1 was told so",
    ]


@pytest.mark.parametrize("unread", [[13, 14, 15, 16], [14, 15, 16], [15, 16]])
def test_marking_that_was_not_acknowledged_may_hold_or_not(run: Run, unread: list[int]) -> None:
    run.mark([13, 14], acknowledged=False)
    run.unread, run.told = unread, [len(unread)] * 2
    assert run.verdict().holds


def test_alert_that_nobody_has_marked_and_that_is_read_is_found(run: Run) -> None:
    run.unread, run.told = [13, 14, 16], [3, 3]
    assert run.verdict().findings == ["read by nobody: ada has read alert 15, which no client of theirs has marked"]


def test_all_up_to_an_alert_are_read_also_those_that_the_client_had_not_seen(run: Run) -> None:
    run.mark([13, 15], upto=15)
    run.unread, run.told = [16], [1, 1]
    assert run.verdict().holds


def test_of_those_who_mark_very_many_older_ones_may_be_read(run: Run) -> None:
    run.mark(list(range(100, 101 + MARKS_KEPT)))
    run.unread, run.told = [], [0, 0]
    assert run.verdict().holds


def test_book_knows_what_the_hub_has_said_to_be_read(run: Run) -> None:
    run.mark([13], acknowledged=False)
    assert [run.book.is_read(ADA, alert) for alert in (11, 13)] == [True, False]
    assert not run.book.is_read(8, 11)
