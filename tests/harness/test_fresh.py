"""The fresh environment that test processes share."""

from pathlib import Path

from tests.support.fresh import FreshEnvironment


def test_environment_that_is_there_is_only_read(tmp_path: Path) -> None:
    """A Python that starts while its list of folders is written finds none of the packages in them."""
    packages = tmp_path / "lib/python3.11/site-packages"
    packages.mkdir(parents=True)
    fresh = FreshEnvironment(tmp_path)
    assert fresh.packages == packages
    assert list(packages.iterdir()) == []
