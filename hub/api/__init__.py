"""The HTTP API for backends: ``POST /api/<method>`` with a key in the header ``X-API-Key``.

Requests and replies have the shape that the server libraries of the Centrifuge protocol use.
"""
