"""Django's engine for SQLite with a fair wait for the one writer: ``"ENGINE": "hub.sqlite3"``.

``base`` is what Django loads, ``turns`` waits (``docs/decisions/062-turns-on-sqlite.md``). Imports no model: Django
loads it with the first of them.
"""
