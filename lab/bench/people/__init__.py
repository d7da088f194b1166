"""People who differ in nothing but the type of their keys: Django's user model, and the same with UUIDs.

``integer_settings`` and ``uuid_settings`` are the hub's settings with one of the two.
"""
