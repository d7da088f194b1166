"""A project whose people are called by a UUID outside (``HUB_USER_ID``): nobody sees the numbers that are their keys.

``pytest --ds tests.projects.public_people.settings`` runs tests on it.
"""
