"""Looks for what makes an installation unsafe: ``python -m lab.audit`` (``make audit``), or with the names of looks.

Each look is a file with one function that returns a :class:`lab.audit.outcome.Outcome`; docs/security.md says who it
is against.
"""
