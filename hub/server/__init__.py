"""The web server: uvicorn with the hub's own protocols, and bounds on all that comes in (``python -m hub.server``).

``http`` tells handshakes from requests, ``request`` serves those, ``protocol`` and ``fast_path`` the WebSockets.
"""
