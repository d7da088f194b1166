"""The user model of the hub where it runs alone: people who log in to it, and people whom a product knows.

A project that has a user model of its own does not need this app; where it is installed nevertheless, it has no table.
``keys`` says how a key differs from the id that a product gives, which the rest of the hub reads through
:mod:`hub.users`.
"""
