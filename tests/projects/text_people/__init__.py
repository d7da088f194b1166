"""A project whose people have texts as keys, and nothing but what the hub asks of a user model.

``pytest --ds tests.projects.text_people.settings`` runs tests on it.
"""
