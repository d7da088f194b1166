"""What people choose: which kinds they get and in which way, their language and their time zone.

``stored`` changes it, ``choosing`` and ``quiet_hours`` read it for many when something is sent, ``methods`` are the
ways to a person; ``messages`` and ``views`` are what clients and the page of it say.
"""
