"""Measured claims: ``make bench``. What each row means and what it does not show is in ``lab/bench/README.md``."""
