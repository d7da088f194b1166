"""Runs every part of the hub on one machine: ``manage.py up``.

``plan`` says which parts, ``run`` starts, watches and stops them, ``part`` is one of them, ``leftovers`` cleans up
after a supervisor that was killed.
"""
