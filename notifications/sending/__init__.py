"""Alerts on their way: what one is, to whom it goes, and every write that gives it to people or takes it back.

``alerting`` describes one and ``named_audiences`` its people; ``actions`` stores and publishes it, ``distributing``
gives one to many, ``scheduling`` and ``due`` send it later; ``replacing``, ``withdrawing``, ``expiring`` and
``retention`` end it. ``keys`` keeps two calls with one key apart.
"""
