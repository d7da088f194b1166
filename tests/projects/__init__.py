"""Projects that use the hub inside, for tests."""
