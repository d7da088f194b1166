"""A project whose people are Django's own users: numbers as keys, log-in with a username.

``pytest --ds tests.projects.django_people.settings`` runs tests on it.
"""
