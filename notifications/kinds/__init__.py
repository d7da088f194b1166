"""Classes of notifications that apps declare, and their texts in the language and the time zone of each person.

``declaring`` is the declaration, ``params`` the values for its placeholders, ``texts`` the templates; ``wording`` is
what somebody reads, and ``locales`` in which language and zone.
"""
