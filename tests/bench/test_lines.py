import json
from fractions import Fraction
from pathlib import Path

import pytest

from lab.bench import report
from lab.bench.lines import BASELINE, HUB, LESS, MORE, Line, Target, at_least, at_least_times, at_most, at_most_times
from lab.bench.machine import CpuShare

RATES = {HUB: [900.0, 1000.0, 1100.0], BASELINE: [10.0, 9.0, 11.0], "nchan": [400.0], "nats": [500.0]}
TIMES = {HUB: [20.0], BASELINE: [1000.0], "nchan": [18.0], "nats": [40.0]}


def line(better: str, values: dict[str, list[float]], *targets: Target) -> Line:
    return Line("row", "what", "unit", MORE if better == MORE else LESS, values, targets)


def test_a_ratio_above_one_means_that_the_hub_is_better() -> None:
    assert line(MORE, RATES).ratio(BASELINE) == 100
    assert line(LESS, TIMES).ratio(BASELINE) == 50
    assert line(LESS, TIMES).ratio("nchan") == pytest.approx(0.9)


def test_there_is_no_ratio_to_what_was_not_measured() -> None:
    assert line(MORE, {HUB: [1.0], BASELINE: []}).ratio(BASELINE) is None
    assert line(MORE, {BASELINE: [1.0]}).ratio(BASELINE) is None


def test_the_best_peer_comes_first() -> None:
    assert line(MORE, RATES).peers == ["nats", "nchan"]
    assert line(LESS, TIMES).peers == ["nchan", "nats"]


@pytest.mark.parametrize(
    ("better", "target", "reached"),
    [
        (MORE, at_least(1000), True),
        (MORE, at_least(1001), False),
        (LESS, at_most(20), True),
        (LESS, at_most(19.9), False),
        (MORE, at_least_times(2, "nats"), True),
        (MORE, at_least_times(2.1, "nats"), False),
        (LESS, at_most_times(1.2, "nchan"), True),
        (LESS, at_most_times(1.1, "nchan"), False),
        (LESS, at_most_times(1 / 50, BASELINE), True),
        (LESS, at_most_times(1 / 51, BASELINE), False),
        (MORE, at_least_times(1, "socket.io"), None),
    ],
)
def test_a_target_is_judged(better: str, target: Target, reached: bool | None) -> None:
    assert line(better, RATES if better == MORE else TIMES, target).reached is reached


def test_a_target_is_shown_with_its_direction() -> None:
    assert at_least_times(200, BASELINE).text == "≥ 200 × baseline"
    assert at_most_times(Fraction(1, 7), BASELINE).text == "≤ 1/7 × baseline"
    assert at_most(0.3).text == "≤ 0.300"


def test_all_targets_must_be_reached() -> None:
    unknown = at_least_times(1, "socket.io")
    assert line(MORE, RATES, at_least(1), at_least(2)).reached is True
    assert line(MORE, RATES, at_least(1), unknown).reached is None
    assert line(MORE, RATES, at_least(5000), unknown).reached is False
    assert line(MORE, RATES).reached is None


def test_the_table_has_a_row_per_line_with_aligned_columns() -> None:
    table = report.table([line(MORE, RATES, at_least_times(200, BASELINE)), line(LESS, {HUB: [3.0]})]).splitlines()
    assert len({len(row) for row in table}) == 1
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in table]
    assert cells[2] == [
        "row", "what", "unit", "1,000", "10.0", "100", "nats 500, nchan 400", "2.00", "≥ 200 × baseline", "no",
    ]  # fmt: skip  # one in a line says no more
    assert cells[3] == ["row", "what", "unit", "3.00", "–", "–", "–", "–", "–", "–"]


def test_the_json_file_has_every_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "RESULTS", tmp_path / "results")
    measured = line(MORE, RATES, at_least(1))
    measured.cpu[HUB] = CpuShare(elapsed=2.0, server=1.0, generator=0.5)
    content = json.loads(report.write([measured], runs=3, seconds=1.5).read_text())
    assert content["runs"] == 3 and content["seconds"] == 1.5 and content["machine"]
    assert content["lines"][0]["values"] == RATES
    assert content["lines"][0]["median"][HUB] == 1000
    assert content["lines"][0]["best_peer"] == "nats"
    assert content["lines"][0]["cpu"][HUB]["generator"] == 0.5


def test_the_json_file_says_what_was_not_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "RESULTS", tmp_path / "results")
    missing = {"nats": "there is no nats-server"}
    content = json.loads(report.write([], 1, 2.0, failed=["chat"], left_out=missing).read_text())
    assert content["failed_rows"] == ["chat"]
    assert content["systems_left_out"] == missing
