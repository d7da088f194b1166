"""Modules that a developer's environment has and an installed hub has not.

Where this folder is on the path, importing one fails as it does there. Each process that tests start would otherwise
load ``rich``, because structlog does wherever it finds it, and that takes longer than the hub's own modules.
"""
