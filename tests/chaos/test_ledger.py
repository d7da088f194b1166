"""The ledger finds what was planted, one fault at a time, and nothing where all is well."""

from collections.abc import Iterable

import pytest

from lab.chaos.client_state import ClientState, positions_in
from lab.chaos.ledger import AlertRow, Ledger, Row, Verdict

EPOCH = "aa00aa00"


class Run:
    """Four publications in a row to one person, who has two clients, all as it should be; tests spoil it."""

    def __init__(self) -> None:
        self.ledger = Ledger("c0ffee")
        self.rows: list[Row] = []
        self.alerts: list[AlertRow] = []
        self.client_states = {"tab 1": ClientState(), "tab 2": ClientState()}
        for client_state in self.client_states.values():
            client_state.begin("user:7", (EPOCH, 10), recovered=True)
        for offset in (11, 12, 13, 14):
            self.publish(offset)

    def publish(self, offset: int, *, shown_by: Iterable[str] = ("tab 1", "tab 2"), acknowledged: bool = True) -> int:
        number = self.ledger.attempt("notify")
        if acknowledged:
            self.ledger.acknowledge(number)
        self.rows.append(Row("user:7", offset, number))
        self.alerts.append(AlertRow("user:7", number))
        for name in shown_by:
            self.show(name, offset, number)
        return number

    def show(self, name: str, offset: int, number: int) -> None:
        self.client_states[name].take("user:7", (EPOCH, offset), number)

    def verdict(self) -> Verdict:
        return self.ledger.verdict(self.rows, self.alerts, self.client_states)

    def found(self) -> set[str]:
        """The kinds of finding."""
        return {finding.partition(":")[0] for finding in self.verdict().findings}


@pytest.fixture
def run() -> Run:
    return Run()


def test_run_that_went_well_has_no_findings(run: Run) -> None:
    verdict = run.verdict()
    assert verdict.holds
    assert (verdict.counts["attempted"], verdict.counts["stored"], verdict.counts["lost"]) == (4, 4, 0)


def test_publication_that_one_client_never_showed_is_lost(run: Run) -> None:
    number = run.publish(15, shown_by=["tab 1"])
    assert run.verdict().findings == [f"lost: tab 2 never showed chaos-c0ffee-{number} at user:7 15"]


def test_stored_publication_that_nobody_acknowledged_is_owed_all_the_same(run: Run) -> None:
    run.publish(15, shown_by=[], acknowledged=False)
    assert run.found() == {"lost"}


def test_publication_from_before_the_client_came_is_not_owed(run: Run) -> None:
    run.publish(3, shown_by=[])
    assert run.verdict().holds


def test_client_that_was_told_to_reload_is_owed_what_came_after_only(run: Run) -> None:
    run.publish(15, shown_by=["tab 1"])
    run.client_states["tab 2"].begin("user:7", (EPOCH, 15), recovered=False)
    assert run.verdict().holds
    assert run.verdict().counts["told to reload"] == 1
    run.publish(16, shown_by=["tab 1"])
    assert run.found() == {"lost"}


def test_acknowledged_publication_that_is_not_stored_is_a_false_success(run: Run) -> None:
    run.ledger.acknowledge(run.ledger.attempt("notify"))
    assert run.found() == {"acknowledged but not stored"}


def test_attempt_that_failed_owes_nothing(run: Run) -> None:
    run.ledger.attempt("notify")
    assert run.verdict().holds


@pytest.mark.parametrize("copies", [2, 3])
def test_publication_to_several_that_is_stored_for_some_is_found(run: Run, copies: int) -> None:
    number = run.ledger.attempt("task", copies=copies)
    run.rows.append(Row("group:1", 1, number))
    assert run.found() == {"stored in part or twice"}


def test_same_thing_stored_twice_is_found_also_on_the_screen(run: Run) -> None:
    number = run.publish(15)
    run.rows.append(Row("user:7", 16, number))
    for name in run.client_states:
        run.show(name, 16, number)
    assert run.found() == {"stored in part or twice", "repeated on a screen", "alerts of a person differ"}


def test_repeat_on_the_wire_is_counted_and_no_finding(run: Run) -> None:
    run.show("tab 1", 14, 4)
    assert run.verdict().holds
    assert run.verdict().counts["repeated on the wire"] == 1


def test_publication_without_an_offset_is_found(run: Run) -> None:
    number = run.ledger.attempt("notify")
    run.rows.append(Row("everyone", None, number))
    assert run.found() == {"not numbered"}


def test_items_in_another_order_are_found_as_disorder_and_loss(run: Run) -> None:
    run.publish(16)
    run.publish(15)
    assert run.found() == {"out of order", "lost"}


def test_other_history_without_a_word_is_found(run: Run) -> None:
    run.client_states["tab 1"].take("user:7", ("00000001", 15), None)
    assert run.found() == {"out of order"}


def test_item_that_the_database_does_not_have_is_unexpected(run: Run) -> None:
    run.show("tab 1", 15, 1)
    assert run.found() == {"unexpected", "repeated on a screen"}


def test_publication_that_nobody_attempted_is_found(run: Run) -> None:
    run.rows.append(Row("everyone", 1, 99))
    assert run.found() == {"never attempted"}


def test_alert_that_is_listed_for_nobody_is_found(run: Run) -> None:
    run.alerts.pop()
    assert run.found() == {"alerts of a person differ"}


def test_client_that_was_sent_away_for_good_is_found(run: Run) -> None:
    run.client_states["tab 1"].refused.append("with 4401")
    assert run.found() == {"sent away for good"}


def test_task_that_was_called_and_never_ran_is_lost(run: Run) -> None:
    number = run.ledger.attempt("task")
    assert run.verdict().holds  # the call may have failed
    run.ledger.hand_over(number)
    assert run.found() == {"job lost"}
    run.rows.append(Row("everyone", 1, number))
    assert run.verdict().holds


def test_many_findings_of_one_kind_are_summed_up(run: Run) -> None:
    for offset in range(15, 25):
        run.publish(offset, shown_by=["tab 1"])
    findings = run.verdict().findings
    assert len(findings) == 6
    assert findings[-1] == "lost: and 5 more"


def test_latency_counts_from_the_acknowledgement(run: Run) -> None:
    number = run.ledger.attempt("notify")
    run.ledger.show(number)
    assert run.ledger.latencies(0) == []  # never acknowledged: nobody knows from when
    run.ledger.acknowledge(number)
    assert run.ledger.latencies(0) == [0.0]
    run.ledger.show(number)
    assert run.ledger.latencies(0)[1] >= 0
    assert run.ledger.slowest(0)[1].startswith("chaos-c0ffee-5 by notify")


def test_position_without_a_mark_is_in_the_same_history() -> None:
    assert positions_in("room:7@-e1.3,everyone@e1.9") == {"room:7": ("e1", 3), "everyone": ("e1", 9)}
