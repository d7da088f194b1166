"""Looks for what makes an installation unsafe: ``python -m rig.audit`` (``make audit``), or with the names of looks.

Each look is a file with one function that returns a :class:`rig.audit.outcome.Outcome`; docs/security.md says who it
is against.
"""
