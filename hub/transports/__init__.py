"""Writes bytes to one client: ``writer`` for a WebSocket; ``transport`` is the protocol of all transports."""
