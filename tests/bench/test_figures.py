import pytest

from lab.bench.figures import median, percentile, readable


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 1), (0.01, 1), (0.5, 50), (0.501, 51), (0.99, 99), (0.991, 100), (1.0, 100)]
)
def test_a_percentile_is_the_nearest_rank(share: float, expected: int) -> None:
    assert percentile(range(100, 0, -1), share) == expected


def test_there_is_no_percentile_of_nothing() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


@pytest.mark.parametrize(("values", "expected"), [([3], 3), ([9, 1, 5], 5), ([4, 1, 3, 2], 2)])
def test_a_median_is_a_value_that_was_measured(values: list[float], expected: float) -> None:
    assert median(values) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1_834_567, "1,830,000"),
        (999.6, "1,000"),
        (18.44, "18.4"),
        (2, "2.00"),
        (0.2604, "0.260"),
        (0, "0"),
        (-12.34, "-12.3"),
    ],
)
def test_a_figure_is_shown_with_three_digits(value: float, expected: str) -> None:
    assert readable(value) == expected
