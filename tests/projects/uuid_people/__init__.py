"""A project whose people have UUIDs as keys, log in with their mail address, and have no username.

``pytest --ds tests.projects.uuid_people.settings`` runs tests on it.
"""
