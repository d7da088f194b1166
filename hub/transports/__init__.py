"""The way of bytes to one client: ``writer`` for a WebSocket, and what a session needs of a ``transport``."""
