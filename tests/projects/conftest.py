"""Tests of a product of its own are run in its own process, with the hub that is installed beside it."""

collect_ignore = ["inside"]
